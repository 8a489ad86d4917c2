"""The container engine, through the Docker SDK: Docker, rootless Docker, Docker Desktop or Podman.

Everything that is done to containers and images is here; what a cluster is made of is kind's business. The
SDK is imported when an engine is connected to, and missing it is an answer like any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcheck.errors import EnvironmentTrouble

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
"""The label that kind puts on a cluster's containers (pkg/cluster/internal/providers/docker/constants.go)."""
NETWORK = "kind"
"""The network that all clusters of kind share. kind makes it and never removes it (network.go beside it)."""
_LIMITS = {"MemoryLimit": "memory", "PidsLimit": "pids", "CPUShares": "cpu"}
_SAVES_A_PLATFORM = [1, 48]
_QUICK = 5
_LONG = 60


@dataclass(frozen=True, slots=True)
class Description:
    """What an engine says of itself; sizes in megabytes, 0 for unknown."""

    name: str
    version: str
    endpoint: str
    memory_mb: int = 0
    cpus: int = 0
    cgroup: str = ""
    rootless: bool = False
    desktop: bool = False
    proxy: str = ""
    platform: str = ""
    """What an image must be saved for, such as linux/amd64, where the engine may hold it for several."""
    lacks: tuple[str, ...] = ()
    """Limits that it cannot set for want of control groups that are delegated to its user."""

    @property
    def podman(self) -> bool:
        return self.name == "Podman"

    @property
    def local(self) -> bool:
        """Whether it shares this machine's memory, disk and kernel settings."""
        return self.endpoint.startswith("unix:") and not self.desktop


@dataclass(frozen=True, slots=True)
class Node:
    """A container that is one node of a kind cluster."""

    name: str
    status: str


def endpoints(variables: Mapping[str, str], home: Path, user: int) -> list[str]:
    """Where an engine may listen, best first. A DOCKER_HOST that is set is the only one."""
    if named := variables.get("DOCKER_HOST"):
        return [named]
    runtime = variables.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    sockets = (
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",  # rootless
        f"{home}/.docker/run/docker.sock",  # Docker Desktop on macOS
        f"{home}/.docker/desktop/docker.sock",  # Docker Desktop on Linux
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    )
    return [f"unix://{socket}" for socket in sockets]


class Engine:
    """One engine that has answered."""

    def __init__(self, client: Any, description: Description) -> None:
        self._client = client
        self.description = description

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.close()

    def variables(self) -> dict[str, str]:
        """What makes `kind` and `docker` use this very engine."""
        if self.description.podman:
            return {"KIND_EXPERIMENTAL_PROVIDER": "podman", "CONTAINER_HOST": self.description.endpoint}
        return {"KIND_EXPERIMENTAL_PROVIDER": "docker", "DOCKER_HOST": self.description.endpoint}

    def nodes(self, cluster: str) -> list[Node]:
        """The containers of the kind cluster of that name, running or not."""
        return [Node(it.name, it.status) for it in self._containers(cluster)]

    def start(self, cluster: str) -> None:
        """Starts those containers of the cluster that have stopped."""
        for container in self._containers(cluster):
            if container.status != "running":
                with _said("The nodes of the cluster cannot be started."):
                    container.start()

    def remove(self, cluster: str) -> None:
        """Removes the containers of the cluster with their volumes, and nothing else."""
        import docker

        # An engine that was asked for a container may still be making it after whoever asked is gone.
        while containers := self._containers(cluster):
            for container in containers:
                try:
                    container.remove(force=True, v=True)
                except docker.errors.NotFound:
                    continue
                except (docker.errors.APIError, OSError) as error:
                    raise _trouble(f"The container {container.name} cannot be removed.", error) from error

    def has_network(self) -> bool:
        """Whether kind's network is there."""
        return bool(self._networks())

    def remove_network(self) -> None:
        """Removes kind's network, unless a container, running or not, is of it."""
        for network in self._networks():
            with _said(f"The network {NETWORK} cannot be removed."):
                # By its name: a container that has never run is not yet known by the network's id.
                if not self._client.containers.list(all=True, filters={"network": NETWORK}):
                    network.remove()

    def has(self, image: str) -> bool:
        """Whether the image is in the engine's store."""
        import docker

        try:
            self._client.images.get(image)
        except docker.errors.ImageNotFound:
            return False
        except (docker.errors.DockerException, OSError) as error:
            raise _trouble(f"The engine does not tell whether it has {image}.", error) from error
        return True

    def unreachable(self, image: str) -> str:
        """Why the engine cannot ask the image's registry for it; empty when it can, or cannot tell."""
        import docker

        try:
            self._client.images.get_registry_data(image)
        except docker.errors.NotFound as error:
            return "" if self.description.podman else _short(error)
        except (docker.errors.DockerException, OSError) as error:
            return _short(error)
        return ""

    def _networks(self) -> list[Any]:
        with _said("The container engine does not answer."):
            found: list[Any] = self._client.networks.list(names=[NETWORK])
        return [it for it in found if it.name == NETWORK]  # the engine takes parts of names as well

    def _containers(self, cluster: str) -> list[Any]:
        with _said("The container engine does not answer."):
            found: list[Any] = self._client.containers.list(
                all=True, filters={"label": f"{CLUSTER_LABEL}={cluster}"}, ignore_removed=True
            )
        return found


@contextmanager
def _said(fact: str) -> Iterator[None]:
    """Turns what the SDK raises into `fact`, with the engine's words as evidence."""
    import docker

    try:
        yield
    except (docker.errors.DockerException, OSError) as error:
        raise _trouble(fact, error) from error


def connect(variables: Mapping[str, str] | None = None) -> Engine:
    """The first engine that answers. Raises EnvironmentTrouble with what was tried."""
    try:
        import docker
    except ImportError as error:
        raise EnvironmentTrouble(
            "Labs on kind need a part of labcheck that is not installed.",
            evidence=f"{error}.",
            next_step="pip install 'labcheck[kind]'",
        ) from error
    surroundings = os.environ if variables is None else variables
    tried = []
    for endpoint in _known(surroundings):
        if endpoint.startswith("unix://") and not Path(endpoint.removeprefix("unix://")).exists():
            continue
        try:
            with closing(docker.DockerClient(base_url=endpoint, timeout=_QUICK)) as quick:
                described = describe(endpoint, quick.version(), quick.info())
            return Engine(docker.DockerClient(base_url=endpoint, timeout=_LONG), described)
        except (docker.errors.DockerException, OSError, ValueError) as error:
            tried.append(f"{endpoint}: {_short(error)}")
    raise EnvironmentTrouble(
        "No container engine answers.",
        evidence="\n".join(tried) or "There is no socket of Docker's or Podman's.",
        next_step="Start Docker or Podman; a socket elsewhere is named by DOCKER_HOST. "
        "The embedded cluster needs neither: leave out --provider kind.",
    )


def describe(endpoint: str, version: Mapping[str, Any], info: Mapping[str, Any]) -> Description:
    """What the answers to /version and /info say that matters here."""
    names = [str(it.get("Name", "")) for it in version.get("Components") or ()]
    system = str(info.get("OperatingSystem", ""))
    security = [str(it) for it in info.get("SecurityOptions") or ()]
    return Description(
        name="Podman" if any("podman" in name.casefold() for name in names) else "Docker",
        version=str(version.get("Version", "")),
        endpoint=endpoint,
        memory_mb=int(info.get("MemTotal") or 0) // 2**20,
        cpus=int(info.get("NCPU") or 0),
        cgroup=str(info.get("CgroupVersion") or ""),
        rootless=any("name=rootless" in it for it in security),
        desktop="Docker Desktop" in system,
        proxy=str(info.get("HttpsProxy") or info.get("HttpProxy") or ""),
        platform=_platform(version),
        lacks=tuple(name for key, name in _LIMITS.items() if info.get(key) is False),
    )


def _platform(version: Mapping[str, Any]) -> str:
    """`docker image save --platform` came with version 1.48 of the API; no engine before needs it."""
    numbers = [int(it) for it in str(version.get("ApiVersion") or "").split(".") if it.isdigit()]
    return f"{version.get('Os')}/{version.get('Arch')}" if numbers >= _SAVES_A_PLATFORM else ""


def _known(variables: Mapping[str, str]) -> Iterator[str]:
    if not variables.get("DOCKER_HOST"):
        from docker.context import ContextAPI  # `docker context use` counts before the usual places

        try:
            chosen = ContextAPI.get_current_context()
            host = chosen.Host if chosen is not None and chosen.Name != "default" else None
        except Exception:  # a broken ~/.docker/config.json is docker's to complain about
            host = None
        if host:
            yield str(host)
    yield from endpoints(variables, Path.home(), os.getuid())


def _trouble(fact: str, error: Exception) -> EnvironmentTrouble:
    return EnvironmentTrouble(
        fact, evidence=_short(error), next_step="Run `labcheck doctor --provider kind`."
    )


def _short(error: Exception) -> str:
    said = str(getattr(error, "explanation", None) or error)  # an APIError's text is mostly the request
    return said.strip().split("\n")[-1][:300]
