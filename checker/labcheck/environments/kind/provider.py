"""The kind provider: a cluster of its own for each environment, made by the playbook and known by its label.

What is needed to find a cluster again stands in its folder before the cluster is made:

    name           the kind cluster's, written before anything else
    play/          the playbook's folder: inputs.json until it has succeeded, and what it said
    finished       when the playbook has succeeded once: from then on the objects are the learner's
    kubeconfig     the administrator's; the user's own kubeconfig is never touched
    steps.json     the steps of the last run with their seconds
    NAME.inventory.json  what `reset` brings back
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labcheck.environments import inventory, tools
from labcheck.environments.kind import engine as engines
from labcheck.environments.kind import plan, pool
from labcheck.environments.kind.facts import Facts, gather
from labcheck.environments.kind.play import log, play, stop
from labcheck.environments.kind.preflight import findings, refuse
from labcheck.environments.kind.versions import Versions, versions
from labcheck.environments.provider import Progress, silent
from labcheck.errors import EnvironmentTrouble
from labcheck.kube import Cluster
from labcheck.kube.connection import Object
from labcheck.lab import pages
from labcheck.lab.variant import Variant

_BOOT_PATIENCE = 60
_AFTERMATH = 1.0
CRDS_VARIABLE = "LABCHECK_GATEWAY_API_CRDS"
"""Where the CRDs of the Gateway API are to be taken from, such as a file, instead of their publisher."""


class Kind:
    """Clusters of kind. `look` gathers facts and `connect` finds the engine."""

    name = "kind"
    patience = 10.0
    """Seconds. Nobody can be asked whether a mesh of many programs has followed, so it is given time."""
    traces = False
    prefix = ""
    light = False
    exact = False
    shared = False
    setup_timeout = 300.0

    def __init__(
        self,
        look: Callable[..., Facts] = gather,
        connect: Callable[[], engines.Engine] = engines.connect,
        table: Versions | None = None,
    ) -> None:
        self._look = look
        self._connect = connect
        self._table = table or versions()

    def many(self, scratch: Path) -> contextlib.AbstractContextManager[Kind]:
        return contextlib.nullcontext(self)

    def start(self, folder: Path, variant: Variant) -> None:
        if not (folder / "name").exists():
            pool.take(folder, plan.shape(variant.lab.environment, self._table))
        self._prepare(folder, variant, {path.name: text for path, text in pages.setup(variant)})

    def spare(self, folder: Path, variant: Variant) -> str:
        """Begins a cluster that the lab could start on, without its setup; returns what shape it is of."""
        self._prepare(folder, variant, {})
        return plan.shape(variant.lab.environment, self._table)

    def _prepare(self, folder: Path, variant: Variant, setup: Mapping[str, str]) -> None:
        """Writes down what is to be made in `folder`; `wait` makes it."""
        environment = variant.lab.environment
        manifests = [it.data for it in pages.setup_documents(variant)]
        images = [self._table.node_image, *plan.images(manifests)]
        if environment.istio == "ambient":
            images += self._table.istio_images
        stop(folder / "play")
        there = bool(self._nodes(folder))
        if not there:
            istio = environment.istio == "ambient"
            facts = self._look(self._table, images, folder, os.environ)
            refuse(findings(facts, self._table, nodes=environment.nodes, istio=istio))
            for left in ("finished", "kubeconfig"):
                (folder / left).unlink(missing_ok=True)
        with self._connect() as engine:
            name = self._claim(folder, variant.lab.id if setup else "spare", engine)
            if not engine.has_network():
                _network_note(folder).touch(mode=0o600)
            engine.start(name)
        work = folder / "play"
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_setup(work / "setup", setup)
        config = plan.kind_config(name, environment.nodes, self._table.node_image)
        (work / "kind.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        inputs = {
            "cluster": name,
            "config": str(work / "kind.json"),
            "kubeconfig": str(folder / "kubeconfig"),
            "node_image": self._table.node_image,
            "images": images,
            "istio": environment.istio,
            "istio_version": self._table.istio,
            "gateway_api_crds": os.environ.get(CRDS_VARIABLE) or self._table.gateway_api_crds,
            # The objects of a cluster that was finished once are the learner's.
            "setup": str(work / "setup") if setup and not (folder / "finished").exists() else "",
            "awaited": plan.awaited(manifests),
            # Containers that were started again need their time; without a kubeconfig none was ever finished.
            "patience": _BOOT_PATIENCE if (folder / "kubeconfig").exists() else 0,
            "leftover": there,
            "engine": "podman" if engine.description.podman else "docker",
            # Podman saves the one platform that it has, and does not know the option.
            "platform": "" if engine.description.podman else engine.description.platform,
            "archives": str(work / "archives"),
            "variables": {"KUBECONFIG": str(folder / "kubeconfig"), **engine.variables()},
            **self._programs(),
        }
        (work / "inputs.json").write_text(json.dumps(inputs), encoding="utf-8")

    def wait(self, folder: Path, progress: Progress = silent) -> Path:
        pending = folder / "play" / "inputs.json"
        if pending.exists():
            inputs = json.loads(pending.read_text(encoding="utf-8"))
            steps = play(folder / "play", inputs, progress)
            (folder / "steps.json").write_text(json.dumps(steps, indent=1), encoding="utf-8")
            if inputs["setup"]:
                (folder / "finished").touch()
            pending.unlink()
        kubeconfig = folder / "kubeconfig"
        if not kubeconfig.exists():
            raise EnvironmentTrouble("The cluster has never been made.", next_step="Make it: labcheck up LAB")
        kubeconfig.chmod(0o600)
        return kubeconfig

    def running(self, folder: Path) -> bool:
        nodes = self._nodes(folder)
        return nodes is not None and bool(nodes) and all(node.status == "running" for node in nodes)

    def gone(self, folder: Path) -> bool:
        return self._nodes(folder) == []

    def stop(self, folder: Path) -> None:
        stop(folder / "play")
        name = _name(folder)
        if name:
            with self._connect() as engine:
                engine.remove(name)
                _remove_network(folder, engine)
            (folder / "name").unlink(missing_ok=True)

    def abandon(self, folder: Path) -> bool:
        name = _name(folder)
        if name and not (folder / "kubeconfig").exists():
            # kind writes the kubeconfig when the cluster is made; what there is before is of no use.
            # An engine that has gone away is met, and said, by whoever goes on or takes this down.
            with contextlib.suppress(EnvironmentTrouble), self._connect() as engine:
                engine.remove(name)
                # The engine may just be making a container that it was asked for before kind ended.
                time.sleep(_AFTERMATH)
                engine.remove(name)
                _remove_network(folder, engine)
        return bool(name)

    def snapshot(self, folder: Path, cluster: Cluster, name: str) -> None:
        inventory.save(folder / f"{name}.inventory.json", cluster, inventory.WHOLE)

    def restore(self, folder: Path, cluster: Cluster, name: str) -> None:
        saved = folder / f"{name}.inventory.json"
        inventory.bring_back(saved, cluster, inventory.WHOLE, self.setup_timeout)

    def everything(self, cluster: Cluster) -> Iterable[Object]:
        return inventory.everything(cluster)

    def converge(self, folder: Path, over: Cluster | None = None) -> float:
        return self.patience

    def logs(self, folder: Path) -> Path:
        return log(folder / "play")

    def _claim(self, folder: Path, label: str, engine: engines.Engine) -> str:
        """The cluster's name, which is this folder's from now on."""
        known = _name(folder)
        if known:
            return known
        name = plan.cluster_name(folder, label)
        if engine.nodes(name):
            raise EnvironmentTrouble(
                f"There is a kind cluster {name} already, and nothing here says that it is ours.",
                evidence="A state folder at this place that was deleted may have left it.",
                next_step=f"If nobody needs it: kind delete cluster --name {name}",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "name").write_text(name, encoding="utf-8")
        return name

    def _nodes(self, folder: Path) -> list[engines.Node] | None:
        """The cluster's containers; None when the engine does not answer."""
        name = _name(folder)
        if not name:
            return []
        try:
            with self._connect() as engine:
                return engine.nodes(name)
        except EnvironmentTrouble:
            return None

    def _programs(self) -> dict[str, str]:
        path = os.environ.get("PATH", os.defpath)
        found = {name: tools.find(self._table.tools[name], path) for name in ("kind", "kubectl", "istioctl")}
        return {name: it.path if it else name for name, it in found.items()}


def _network_note(folder: Path) -> Path:
    """Stands for that kind's network was not there before the first cluster of this state folder."""
    place = next((it for it in folder.parents if it.name in {"environments", pool.NAME}), folder)
    return place.parent / "kind-network"


def _remove_network(folder: Path, engine: engines.Engine) -> None:
    """Removes the network that nobody would have without us, once no cluster of anybody's is in it."""
    if _network_note(folder).exists():
        engine.remove_network()
        if not engine.has_network():
            _network_note(folder).unlink()


def _name(folder: Path) -> str:
    try:
        return (folder / "name").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _write_setup(place: Path, setup: Mapping[str, str]) -> None:
    place.mkdir(mode=0o700, exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for name, text in setup.items():
        (place / name).write_text(text, encoding="utf-8")


def steps(folder: Path) -> list[dict[str, Any]]:
    """The steps of the last run."""
    try:
        found: list[dict[str, Any]] = json.loads((folder / "steps.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return found
