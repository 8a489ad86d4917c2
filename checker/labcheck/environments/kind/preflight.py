"""What the gathered facts mean for a lab on kind. A pure function: each finding with its fix."""

from __future__ import annotations

from collections.abc import Iterator

from labcheck.environments import tools
from labcheck.environments.finding import Finding
from labcheck.environments.kind.engine import Description
from labcheck.environments.kind.facts import Facts
from labcheck.environments.kind.versions import Versions
from labcheck.errors import EnvironmentTrouble

_OLDEST_CGROUP = "2"
_SHOWN = 3


def findings(facts: Facts, versions: Versions, *, nodes: int = 1, istio: bool = True) -> list[Finding]:
    """Everything that a cluster of so many nodes needs, in the order in which it is to be mended."""
    return list(_findings(facts, versions, nodes, istio))


def refuse(found: list[Finding]) -> None:
    """Raises EnvironmentTrouble when something is in the way."""
    wrong = [finding for finding in found if finding.wrong]
    if wrong:
        raise EnvironmentTrouble(
            f"This machine cannot run the lab on kind yet: {', '.join(it.what for it in wrong)}.",
            evidence="\n".join(f"{it.what}: {it.found}\n  {it.fix}" for it in wrong),
            next_step="See everything: labcheck doctor --provider kind",
        )


def _findings(facts: Facts, versions: Versions, nodes: int, istio: bool) -> Iterator[Finding]:
    if facts.missing:
        yield Finding("extra", f"not installed: {', '.join(facts.missing)}", "pip install 'labcheck[kind]'")
    else:
        yield Finding("extra", "labcheck[kind] is installed")
    for name, tool in versions.tools.items():
        if name in facts.tools and (istio or name != "istioctl"):
            yield tools.finding(tool, facts.tools[name])
    if facts.engine is None:
        yield _no_engine(facts.trouble)
        return
    yield _engine(facts.engine)
    yield _client(facts, facts.engine)
    yield from _sizes(facts, facts.engine, versions, nodes)
    yield _cgroup(facts, facts.engine)
    if facts.engine.rootless and facts.engine.lacks:
        yield Finding(
            "delegation",
            f"a rootless engine that cannot limit {', '.join(facts.engine.lacks)}",
            "Let systemd delegate them (Delegate=yes), or kind refuses: "
            "https://kind.sigs.k8s.io/docs/user/rootless/",
        )
    yield from _inotify(facts, versions)
    if facts.proxy and not facts.engine.proxy:
        yield Finding(
            "proxy",
            f"this shell uses {facts.proxy}, the engine uses none",
            "Tell the engine as well, or images cannot be pulled: "
            "https://docs.docker.com/engine/daemon/proxy/ (and set NO_PROXY for 127.0.0.1)",
            minor=True,
        )
    if facts.images:
        yield _images(facts)


def _no_engine(trouble: EnvironmentTrouble | None) -> Finding:
    if trouble is None:
        return Finding("engine", "none", "Start Docker or Podman.")
    return Finding("engine", f"{trouble.fact} {trouble.evidence}".strip(), trouble.next_step)


def _engine(engine: Description) -> Finding:
    kind = "Docker Desktop" if engine.desktop else engine.name
    rootless = ", rootless" if engine.rootless else ""
    return Finding("engine", f"{kind} {engine.version}{rootless} at {engine.endpoint}")


def _client(facts: Facts, engine: Description) -> Finding:
    name = "podman" if engine.podman else "docker"
    if facts.client:
        return Finding("command", facts.client)
    package = "podman" if engine.podman else "docker.io or docker-cli"
    return Finding("command", f"`{name}` is not on the PATH; kind calls it", f"Debian: apt install {package}")


def _sizes(facts: Facts, engine: Description, versions: Versions, nodes: int) -> Iterator[Finding]:
    needs = versions.needs
    known = [size for size in (engine.memory_mb, facts.memory_mb) if size]
    if known:
        free, wanted = min(known), needs.memory(nodes)
        where = "Give Docker Desktop more: Settings, Resources." if engine.desktop else "End other programs."
        yield Finding(
            "memory",
            f"{free} MB free",
            ""
            if free >= wanted
            else f"{where} A lab on kind needs {wanted} MB; the embedded cluster needs 200.",
        )
    if engine.cpus:
        few = engine.cpus < needs.cpus
        advice = f"With fewer than {needs.cpus} Istio may not be scheduled. Give the engine more."
        yield Finding("cpus", str(engine.cpus), advice if few else "")
    if facts.disk_mb is not None:
        little = facts.disk_mb < needs.disk_mb
        advice = f"Make room, such as by `docker system prune`: {needs.disk_mb} MB should be free."
        yield Finding("disk", f"{facts.disk_mb} MB free", advice if little else "")


def _cgroup(facts: Facts, engine: Description) -> Finding:
    version = engine.cgroup.lstrip("v") or facts.cgroup or ""
    if not version:
        return Finding("cgroup", "unknown")
    advice = ""
    if version < _OLDEST_CGROUP:
        advice = (
            "Kubernetes has given up version 1. Boot with systemd.unified_cgroup_hierarchy=1: "
            "https://kind.sigs.k8s.io/docs/user/known-issues/"
        )
    return Finding("cgroup", f"version {version}", advice)


def _inotify(facts: Facts, versions: Versions) -> Iterator[Finding]:
    wanted = {
        "instances": (facts.inotify_instances, versions.needs.inotify_instances),
        "watches": (facts.inotify_watches, versions.needs.inotify_watches),
    }
    for name, (found, needed) in wanted.items():
        if found is None:
            continue
        fix = f"Pods may fail with `too many open files`: sudo sysctl fs.inotify.max_user_{name}={needed}"
        yield Finding(f"inotify {name}", str(found), "" if found >= needed else fix, minor=True)


def _images(facts: Facts) -> Finding:
    absent = [image for image, present in facts.images.items() if not present]
    if not absent:
        return Finding("images", f"all {len(facts.images)} are here")
    if facts.unreachable:
        why = "; ".join(f"{registry}: {reason}" for registry, reason in sorted(facts.unreachable.items()))
        return Finding(
            "images",
            f"{len(absent)} of {len(facts.images)} are not here, and there is no way to them: {why}",
            "Connect this machine, tell the engine its proxy, or bring them: `docker save`, `docker load`.",
        )
    shown = ", ".join(absent[:_SHOWN]) + (" and more" if len(absent) > _SHOWN else "")
    return Finding("images", f"{len(absent)} of {len(facts.images)} will be pulled: {shown}")
