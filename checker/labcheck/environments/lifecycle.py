"""An environment's way: up, reset and down.

`up` does as much as it can while the cluster boots. Whatever interrupts it, the record says "creating" until
the very end, and the next `up` goes on from there where the provider can, else starts over; an environment
that was ready is never set up again, only restarted, unless somebody has deleted its cluster.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from labcheck.environments.choice import provider
from labcheck.environments.inventory import renewed
from labcheck.environments.provider import Progress, Provider
from labcheck.environments.standing import Status, running
from labcheck.environments.state import EnvironmentFolder, Record, StateFolder
from labcheck.errors import UsageError
from labcheck.kube import Cluster, connect, identity, import_client, kubeconfig
from labcheck.kube.manifests import Applied, apply_all
from labcheck.kube.readiness import ready, wait_ready
from labcheck.lab import pages
from labcheck.lab.guards import guarded
from labcheck.lab.variant import Variant

READY = "ready"
"""The name under which `up` keeps what it leaves."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an environment was like once: the name it is kept under, and the objects that were ready."""

    name: str
    ready: tuple[Applied, ...]


def up(state: StateFolder, variant: Variant, runner: Provider, progress: Progress) -> str:
    """Brings a lab's environment up; returns what it took: "created", "restarted" or "running".

    Raises UsageError when it runs with another seed or provider, AuthorError and EnvironmentTrouble.
    """
    lab = variant.lab
    folder = state.environment(lab.id)
    with state.lock(lab.id, f"Another labcheck is changing {lab.id}; waiting for it."):
        record = folder.record()
        if record and record.status == "ready":
            _refuse_another(record, variant, runner)
            if runner.running(folder.cluster):
                return "running"
            if not runner.gone(folder.cluster):
                _restart(folder, variant, runner, progress)
                return "restarted"
            progress("its cluster was deleted; making it anew")
            _clear(folder, record)
        elif record and not _goes_on(folder, record, variant, runner):
            progress("cleaning up after an interrupted start")
            _clear(folder, record)
        try:
            _create(folder, variant, runner, progress)
        except BaseException:
            if runner.abandon(folder.cluster):
                progress("what is done is kept: `labcheck up` goes on from here, `labcheck down` removes it")
            else:
                folder.remove()
            raise
        return "created"


def _goes_on(folder: EnvironmentFolder, record: Record, variant: Variant, runner: Provider) -> bool:
    """Whether a start that was interrupted can be continued, for it was of the same variant."""
    same = (record.provider, record.seed) == (runner.name, variant.seed)
    return same and runner.abandon(folder.cluster)


def _refuse_another(record: Record, variant: Variant, runner: Provider) -> None:
    for what, now, wanted in (
        ("seed", record.seed, variant.seed),
        ("provider", record.provider, runner.name),
    ):
        if now != wanted:
            raise UsageError(
                f"{record.lab} runs already, with the {what} {now} rather than {wanted}.",
                next_step=f"To start it anew: labcheck down {record.lab}",
            )


def _create(folder: EnvironmentFolder, variant: Variant, runner: Provider, progress: Progress) -> None:
    started = time.monotonic()
    lab = variant.lab
    record = Record(
        lab.id,
        str(variant.folder),
        runner.name,
        variant.seed,
        variant.namespace,
        status="creating",
        prefix=variant.prefix,
        probes={name: f"{probe.namespace}/{probe.pod}" for name, probe in variant.probes.items()},
    )
    folder.remember(record)
    runner.start(folder.cluster, variant)
    manifests = pages.setup_documents(variant)
    pages.guide(variant)
    import_client()
    with connect(runner.wait(folder.cluster, progress)) as cluster:
        progress("cluster answers")
        applied = apply_all(cluster, manifests)
        progress(f"setup applied: {len(applied)} objects")
        _grant(folder, variant, cluster)
        wait_ready(cluster, applied, runner.setup_timeout)
        progress("setup ready")
        runner.snapshot(folder.cluster, cluster, READY)
    folder.save("setup.json", {"objects": [it.obj for it in applied]})
    folder.remember(replace(record, status="ready", seconds=round(time.monotonic() - started, 2)))


def _restart(folder: EnvironmentFolder, variant: Variant, runner: Provider, progress: Progress) -> None:
    progress("it had stopped; starting it on the state it had")
    runner.start(folder.cluster, variant)
    with connect(runner.wait(folder.cluster, progress)) as cluster:
        progress("cluster answers")
        _grant(folder, variant, cluster)
        wait_ready(cluster, _probe_pods(variant, cluster), runner.setup_timeout)
        progress("probe pods ready")


def keep(state: StateFolder, variant: Variant, name: str, over: Cluster | None = None) -> Kept:
    """Keeps a running environment as it is now, beside what `up` left. Takes and raises what `reset` does."""
    found = running(state, variant.lab.id)
    runner = provider(found.record.provider)
    with _connected(found, runner, over) as cluster:
        runner.snapshot(found.folder.cluster, cluster, name)
        # In a cluster that is others' as well, what becomes of theirs is none of our business.
        within = pages.namespaces(variant) if runner.shared else ()
        return Kept(name, tuple(ready(cluster, within)))


def reset(
    state: StateFolder,
    variant: Variant,
    progress: Progress,
    to: Kept | None = None,
    over: Cluster | None = None,
) -> None:
    """Brings back what `up` left, or what was kept later, in a running environment; `over` a connection that
    is open already, where there is one.

    Raises UsageError and EnvironmentTrouble.
    """
    lab = variant.lab
    with state.lock(lab.id, f"Another labcheck is changing {lab.id}; waiting for it."):
        found = running(state, lab.id)
        runner = provider(found.record.provider)
        with _connected(found, runner, over) as cluster:
            runner.restore(found.folder.cluster, cluster, to.name if to else READY)
            progress("snapshot restored")
            awaited = to.ready if to else _setup(found.folder, cluster)
            wait_ready(cluster, awaited, runner.setup_timeout)
            if not runner.exact:
                found.folder.save("setup.json", {"objects": _as_made_again(found.folder, variant, cluster)})
            progress("setup ready")
        found.folder.save("grading.json", {})


def down(state: StateFolder, lab_id: str) -> bool:
    """Ends an environment and forgets it; False when there was none."""
    with state.lock(lab_id, f"Another labcheck is changing {lab_id}; waiting for it."):
        folder = state.environment(lab_id)
        record = folder.record()
        if record is None:
            return False
        _clear(folder, record)
        return True


def _as_made_again(folder: EnvironmentFolder, variant: Variant, cluster: Cluster) -> list[dict[str, Any]]:
    """What the setup applied, with today's uids where a guard may compare them."""
    applied = folder.load("setup.json").get("objects", ())
    watched = [obj for obj, _ in guarded(variant, applied)] if applied else []
    return [renewed(cluster, it) if it in watched else it for it in applied]


def _setup(folder: EnvironmentFolder, cluster: Cluster) -> list[Applied]:
    """What the setup consists of, whether or not it is there."""
    kinds = {(kind.api_version, kind.kind): kind for kind in cluster.kinds()}
    applied = folder.load("setup.json").get("objects", ())
    found = [(it, kinds.get((it["apiVersion"], it["kind"]))) for it in applied]
    return [Applied(kind, obj) for obj, kind in found if kind is not None]


def _connected(found: Status, runner: Provider, over: Cluster | None) -> AbstractContextManager[Cluster]:
    return nullcontext(over) if over else connect(runner.wait(found.folder.cluster))


def _clear(folder: EnvironmentFolder, record: Record) -> None:
    provider(record.provider).stop(folder.cluster)
    folder.remove()


def _grant(folder: EnvironmentFolder, variant: Variant, cluster: Cluster) -> None:
    """Writes both kubeconfigs: the learner's, and the grader's with an identity of its own."""
    admin = kubeconfig.read(folder.cluster / "kubeconfig")
    token = identity.create(cluster, ((probe.namespace, probe.pod) for probe in variant.probes.values()))
    folder.write("kubeconfig", kubeconfig.with_namespace(admin, variant.namespace))
    folder.write("grader.kubeconfig", kubeconfig.for_token(admin, identity.NAME, token))


def _probe_pods(variant: Variant, cluster: Cluster) -> list[Applied]:
    """The probe pods that are there; a learner may have deleted one."""
    kind = cluster.kind("Pod")
    found = [cluster.get(kind, probe.pod, probe.namespace) for probe in variant.probes.values()]
    return [Applied(kind, pod) for pod in found if pod is not None]
