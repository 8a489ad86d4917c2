"""Which pods stand behind a Service, as rows: what Endpoints and EndpointSlices are both written from.

Pure. Follows pkg/controller/endpoint and staging/src/k8s.io/endpointslice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pocketmesh.controllers.pods import is_ready, phase
from pocketmesh.objects import Object, labels_of, name_of, namespace_of, selects, uid_of

MOST_ENDPOINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Port:
    """A Service's port where one pod serves it."""

    name: str
    protocol: str
    number: int
    app_protocol: str = ""

    def row(self) -> Object:
        """As it stands in Endpoints and slices, where an empty appProtocol is left out."""
        row: Object = {"name": self.name, "protocol": self.protocol, "port": self.number}
        return {**row, "appProtocol": self.app_protocol} if self.app_protocol else row


@dataclass(frozen=True, slots=True)
class Backend:
    """One pod behind a Service."""

    address: str
    node: str
    hostname: str
    ready: bool
    serving: bool
    terminating: bool
    pod: Object
    ports: tuple[Port, ...]

    def target(self) -> Object:
        """The reference to the pod."""
        return {
            "kind": "Pod",
            "name": name_of(self.pod),
            "namespace": namespace_of(self.pod),
            "uid": uid_of(self.pod),
        }


def backends(service: Object, pods: Iterable[Object]) -> list[Backend]:
    """The pods that a Service selects and that have an address, by name."""
    spec = service["spec"]
    found = []
    for pod in pods:
        address = (pod.get("status") or {}).get("podIP")
        if not address or phase(pod) in ("Succeeded", "Failed"):
            continue
        if not selects(spec.get("selector"), labels_of(pod)):
            continue
        serving, leaving = is_ready(pod), "deletionTimestamp" in pod["metadata"]
        ready = (serving and not leaving) or bool(spec.get("publishNotReadyAddresses"))
        named = pod["spec"].get("subdomain") == name_of(service)
        hostname = pod["spec"].get("hostname", "") if named else ""
        node = pod["spec"].get("nodeName", "")
        ports = tuple(_ports(spec.get("ports") or [], pod))
        found.append(Backend(address, node, hostname, ready, serving, leaving, pod, ports))
    return sorted(found, key=lambda backend: name_of(backend.pod))


def _ports(ports: Sequence[Object], pod: Object) -> Iterable[Port]:
    """A Service's ports on one pod; a named target that the pod does not declare is left out."""
    for port in ports:
        number = _target(port, pod)
        if number:
            yield Port(port.get("name", ""), port.get("protocol", "TCP"), number, port.get("appProtocol", ""))


def _target(port: Object, pod: Object) -> int:
    target: int | str = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target or int(port["port"])
    restartable = [c for c in pod["spec"].get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    for container in [*pod["spec"]["containers"], *restartable]:
        for declared in container.get("ports") or []:
            same_protocol = declared.get("protocol", "TCP") == port.get("protocol", "TCP")
            if declared.get("name") == target and same_protocol:
                return int(declared["containerPort"])
    return int(target) if target.isdecimal() else 0


def by_ports(found: Sequence[Backend]) -> dict[tuple[Port, ...], list[Backend]]:
    """The backends grouped by the ports they serve: a named target may be another number on each pod."""
    groups: dict[tuple[Port, ...], list[Backend]] = {}
    for backend in found:
        groups.setdefault(backend.ports, []).append(backend)
    return groups


def in_slices(
    groups: Iterable[tuple[tuple[Port, ...], list[Backend]]],
) -> Iterable[tuple[tuple[Port, ...], list[Backend]]]:
    """The groups cut to what one EndpointSlice holds (kube-controller-manager
    `--max-endpoints-per-slice`)."""
    for ports, group in groups:
        for start in range(0, max(1, len(group)), MOST_ENDPOINTS):
            yield ports, group[start : start + MOST_ENDPOINTS]
