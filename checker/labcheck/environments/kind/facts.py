"""Gathering what `preflight` judges: what the engine says of itself, and this machine's limits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labcheck.environments import tools
from labcheck.environments.kind import engine as engines
from labcheck.environments.kind.versions import Versions
from labcheck.errors import EnvironmentTrouble


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is; None and 0 stand for what cannot be known here."""

    engine: engines.Description | None
    trouble: EnvironmentTrouble | None = None
    """Why there is no engine."""
    client: str | None = None
    """The path of the engine's command, which kind calls."""
    missing: tuple[str, ...] = ()
    """Python packages of the extra that are not installed."""
    tools: Mapping[str, tools.Found | None] = field(default_factory=dict)
    images: Mapping[str, bool] = field(default_factory=dict)
    """Whether each image is in the engine's store."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Registry → why the engine cannot fetch what it lacks from there."""
    memory_mb: int | None = None
    disk_mb: int | None = None
    inotify_instances: int | None = None
    inotify_watches: int | None = None
    cgroup: str | None = None
    """The version of this machine's control groups, where the engine does not tell."""
    proxy: str = ""
    """The proxy that this machine's programs are told to use."""


def gather(versions: Versions, images: Iterable[str], state: Path, variables: Mapping[str, str]) -> Facts:
    """Looks at everything."""
    path = variables.get("PATH", os.defpath)
    described, trouble, present, unreachable = None, None, {}, {}
    try:
        with engines.connect(variables) as engine:
            described = engine.description
            present = {image: engine.has(image) for image in images}
            unreachable = _unreachable(engine, [image for image, here in present.items() if not here])
    except EnvironmentTrouble as error:
        trouble = error
    local = described is None or described.local
    command = "podman" if described is not None and described.podman else "docker"
    return Facts(
        engine=described,
        trouble=trouble,
        client=shutil.which(command, path=path),
        missing=_missing(),
        tools={
            name: tools.find(tool, path)
            for name, tool in versions.tools.items()
            if name in {"kind", "kubectl", "istioctl"}
        },
        images=present,
        unreachable=unreachable,
        memory_mb=_available_memory() if local else None,
        disk_mb=_disk(state) if local else None,
        inotify_instances=_setting("max_user_instances") if local else None,
        inotify_watches=_setting("max_user_watches") if local else None,
        cgroup=_cgroup() if local else None,
        proxy=next((variables[it] for it in ("HTTPS_PROXY", "https_proxy") if variables.get(it)), ""),
    )


def _unreachable(engine: engines.Engine, absent: Iterable[str]) -> dict[str, str]:
    """Asks every registry for one of the absent images."""
    one = {image.partition("/")[0]: image for image in absent}
    asked = {registry: engine.unreachable(image) for registry, image in one.items()}
    return {registry: why for registry, why in asked.items() if why}


def _missing() -> tuple[str, ...]:
    from importlib.util import find_spec

    needed = {"docker": "docker", "ansible_runner": "ansible-runner", "ansible": "ansible-core"}
    return tuple(package for module, package in needed.items() if find_spec(module) is None)


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _disk(state: Path) -> int:
    place = next(it for it in (Path("/var/lib/docker"), state, *state.parents) if it.exists())
    return shutil.disk_usage(place).free // 2**20


def _setting(name: str) -> int | None:
    try:
        return int(Path(f"/proc/sys/fs/inotify/{name}").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _cgroup() -> str | None:
    root = Path("/sys/fs/cgroup")
    if not root.exists():
        return None
    return "2" if (root / "cgroup.controllers").exists() else "1"
