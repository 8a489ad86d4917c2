"""The volumes of one pod, from before its containers start until it is gone.

Level-driven: `refresh` may be called at any time and brings every volume up to date, so a change of a
ConfigMap or Secret shows at once where a kubelet takes up to a minute. Emptied directories, host paths and
claims are directories below the node's own; what is filled from objects exists in memory only.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pocketmesh.node.disk import remove
from pocketmesh.node.environment import PodFields, Unresolvable, expand
from pocketmesh.node.files import DiskFiles, File, MemoryFiles, Mount
from pocketmesh.node.machine import Machine
from pocketmesh.node.volumes import mentioned, rendered, sources, token_seconds
from pocketmesh.objects import Object, annotations_of, labels_of, namespace_of, uid_of

_ALWAYS_THERE: Final = (
    "/",
    "/dev",
    "/etc",
    "/home",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/tmp",
    "/var",
)
_OF_A_TOKENS_LIFE: Final = 0.8
"""How much of its life a token is used for before there is another (pkg/kubelet/token)."""


class Unmountable(Exception):
    """A volume cannot be set up; the message is that of the FailedMount event."""

    def __init__(self, volume: str, why: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {why}')


@dataclass
class _Filled:
    """A volume that is filled from objects: its files, and what they were made of."""

    files: MemoryFiles = field(default_factory=MemoryFiles)
    content: Mapping[str, File] = field(default_factory=dict)
    made_of: object = None
    until: datetime | None = None


class PodVolumes:
    """The volumes that a pod's containers mount."""

    def __init__(self, machine: Machine, pod: Object) -> None:
        self._machine = machine
        self._pod = pod
        self._filled: dict[str, _Filled] = {}
        self._disk: dict[str, Path] = {}

    def mentions(self, resource: str, name: str) -> bool:
        """Whether a ConfigMap or a Secret fills one of them."""
        return any((resource, name) in mentioned(volume) for volume in self._mounted())

    def refresh(self, pod: Object) -> float | None:
        """Makes the volumes as they should be now; the seconds until a token must be replaced.

        Raises Unmountable; what is mounted already stays as it is then.
        """
        self._pod = pod
        for volume in self._mounted():
            name = volume["name"]
            try:
                if sources(volume) or "projected" in volume:
                    self._fill(self._filled.setdefault(name, _Filled()), volume)
                elif name not in self._disk:
                    self._disk[name] = self._directory(volume)
            except Unresolvable as problem:
                raise Unmountable(name, str(problem)) from problem
        ends = [filled.until for filled in self._filled.values() if filled.until]
        return max(1.0, (min(ends) - self._machine.clock.now()).total_seconds()) if ends else None

    def mounts(self, container: Object, env: Mapping[str, str]) -> tuple[dict[str, bytes], list[Mount]]:
        """What a container sees: single files by path, which stay as they are, and mounts."""
        files: dict[str, bytes] = {}
        mounts = []
        for mount in container.get("volumeMounts") or []:
            name, path = mount["name"], mount["mountPath"].rstrip("/")
            inner = mount.get("subPath") or expand(mount.get("subPathExpr") or "", dict(env))
            if name in self._disk:
                directory = self._disk[name] / posixpath.normpath(f"/{inner}").lstrip("/")
                if directory.is_file():
                    files[path] = directory.read_bytes()
                    continue
                directory.mkdir(parents=True, exist_ok=True)
                mounts.append(Mount(path, DiskFiles(directory), bool(mount.get("readOnly"))))
            elif inner:
                files |= _copied(self._filled[name].content, f"/{inner}".rstrip("/"), path)
            else:
                mounts.append(Mount(path, self._filled[name].files, read_only=True))
        return files, mounts

    def remove(self) -> None:
        """Forgets what was the pod's alone."""
        remove(self._machine.disk.of_pod(uid_of(self._pod)))

    def _mounted(self) -> Iterator[Object]:
        """The volumes that a container mounts: the others are never set up."""
        spec = self._pod["spec"]
        containers = [each for place in _PLACES for each in spec.get(place) or []]
        wanted = {mount["name"] for each in containers for mount in each.get("volumeMounts") or []}
        return (volume for volume in spec.get("volumes") or [] if volume["name"] in wanted)

    def _fill(self, filled: _Filled, volume: Object) -> None:
        machine, pod, now = self._machine, self._pod, self._machine.clock.now()
        lookup = machine.client.get
        objects = [lookup(resource, namespace_of(pod), name) for resource, name in mentioned(volume)]
        versions = [obj and obj["metadata"]["resourceVersion"] for obj in objects]
        made_of = (versions, labels_of(pod), annotations_of(pod))
        if made_of == filled.made_of and (filled.until is None or now < filled.until):
            return
        content = rendered(pod, volume, PodFields(pod, "", machine.address), lookup, machine.token)
        filled.files.become(content, filled.content)
        filled.content, filled.made_of = content, made_of
        lives = [token_seconds(source) for kind, source in sources(volume) if kind == "serviceAccountToken"]
        filled.until = now + timedelta(seconds=_OF_A_TOKENS_LIFE * min(lives)) if lives else None

    def _directory(self, volume: Object) -> Path:
        """A directory of the node's disk. Raises Unresolvable."""
        if "hostPath" in volume:
            return self._of_host(volume["hostPath"])
        claim = volume.get("persistentVolumeClaim")
        if claim is not None:
            return self._of_claim(claim["claimName"])
        place = self._machine.disk.of_pod(uid_of(self._pod)) / str(volume["name"])
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _of_claim(self, name: str) -> Path:
        claim = self._machine.client.get("persistentvolumeclaims", namespace_of(self._pod), name)
        if claim is None:
            raise Unresolvable(f'persistentvolumeclaim "{name}" not found')
        bound = claim["spec"].get("volumeName", "")
        volume = self._machine.client.get("persistentvolumes", "", bound) if bound else None
        if volume is None:
            raise Unresolvable(f'persistentvolumeclaim "{name}" is not bound')
        return self._of_host(volume["spec"].get("hostPath") or volume["spec"].get("local") or {})

    def _of_host(self, source: Object) -> Path:
        """A path of the node (pkg/volume/hostpath)."""
        path, kind = posixpath.normpath(f"/{source.get('path', '')}".replace("//", "/")), source.get("type")
        place = self._machine.disk.at(path)
        if kind == "Directory" and not place.is_dir() and path not in _ALWAYS_THERE:
            raise Unresolvable(f"hostPath type check failed: {path} is not a directory")
        if kind == "File" and not place.is_file():
            raise Unresolvable(f"hostPath type check failed: {path} is not a file")
        if kind == "FileOrCreate":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        elif not place.exists():
            place.mkdir(parents=True)
        return place


_PLACES: Final = ("initContainers", "containers", "ephemeralContainers")


def _copied(content: Mapping[str, File], inner: str, path: str) -> dict[str, bytes]:
    """What a `subPath` of a filled volume shows: one file, or what is in a directory; copied once."""
    return {
        path + name.removeprefix(inner): file.content
        for name, file in content.items()
        if name == inner or name.startswith(f"{inner}/")
    }
