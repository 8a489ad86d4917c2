"""Which packets a node lets through: NetworkPolicies, as the network plugin of kind enforces them.

They see packets as they are on the wire: after a Service's address was translated, and between pods of an
ambient mesh with port 15008 whatever port was dialled. The node itself always reaches its pods, so probes do.
Specification: https://kubernetes.io/docs/concepts/services-networking/network-policies/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_network
from typing import Final, Literal

from pocketmesh.api.selectors import selects_labels
from pocketmesh.objects import Object, labels_of, name_of, namespace_of

Direction = Literal["ingress", "egress"]

NAME_SERVER: Final = "10.244.0.255"
"""The address of the pod that answers for the cluster's DNS, as policies see it; no pod can have it."""


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a connection. What is no pod has an address and nothing else."""

    ip: str
    namespace: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The numbers of a pod's ports by name and protocol."""

    @property
    def is_pod(self) -> bool:
        return bool(self.name)


@dataclass(frozen=True, slots=True)
class Isolation:
    """All NetworkPolicies of a cluster, and the pods that they are about, by address."""

    policies: tuple[Object, ...] = ()
    pods: Mapping[str, Party] = field(default_factory=dict)

    def refusal(self, source_ip: str, ip: str, port: int, protocol: str = "TCP") -> str:
        """Why packets to an address and port are dropped; empty when they are not."""
        source = self.pods.get(source_ip, Party(source_ip))
        destination = self.pods.get(ip, Party(ip))
        if not self.policies or source_ip == ip:
            return ""
        if why := self._refusal("egress", source, destination, destination, port, protocol):
            return why
        # What does not come from a pod comes from the node, which may always reach its own pods.
        if not source.is_pod:
            return ""
        return self._refusal("ingress", destination, source, destination, port, protocol)

    def _refusal(
        self, direction: Direction, own: Party, other: Party, destination: Party, port: int, protocol: str
    ) -> str:
        """Policies add up: one that admits is enough, once any selects the pod for this direction."""
        selecting = [policy for policy in self.policies if own.is_pod and _isolates(policy, own, direction)]
        for policy in selecting:
            for rule in policy["spec"].get(direction) or []:
                peers = rule.get("from" if direction == "ingress" else "to")
                if _is_peer(peers, other, namespace_of(policy)) and _is_port(
                    rule.get("ports"), destination, port, protocol
                ):
                    return ""
        names = ", ".join(f"{namespace_of(policy)}/{name_of(policy)}" for policy in selecting)
        whom = "to" if direction == "egress" else "from"
        shown = f"{other.namespace}/{other.name}" if other.is_pod else other.ip
        return f"NetworkPolicy {names} admits no {direction} {whom} {shown} port {port}" if selecting else ""


def isolation(policies: Iterable[Object], pods: Iterable[Object], namespaces: Iterable[Object]) -> Isolation:
    """The NetworkPolicies with what they select among. Pods on the node's own network are not subject to any,
    and to others they are the node."""
    labels = {name_of(namespace): labels_of(namespace) for namespace in namespaces}
    parties = (_party(pod, labels) for pod in pods if _is_networked(pod))
    return Isolation(tuple(policies), {party.ip: party for party in (_name_server(labels), *parties)})


def _name_server(namespaces: Mapping[str, Mapping[str, str]]) -> Party:
    ports = {("dns", "UDP"): 53, ("dns-tcp", "TCP"): 53}
    app, namespace = {"k8s-app": "kube-dns"}, "kube-system"
    return Party(NAME_SERVER, namespace, "coredns", app, namespaces.get(namespace, {}), ports)


def _is_networked(pod: Object) -> bool:
    status = pod.get("status") or {}
    ended = status.get("phase") in {"Succeeded", "Failed"}
    return bool(status.get("podIP")) and not ended and not pod["spec"].get("hostNetwork")


def _party(pod: Object, namespaces: Mapping[str, Mapping[str, str]]) -> Party:
    spec, namespace = pod["spec"], namespace_of(pod)
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    ports = [port for container in containers for port in container.get("ports") or []]
    return Party(
        ip=pod["status"]["podIP"],
        namespace=namespace,
        name=name_of(pod),
        labels=labels_of(pod),
        namespace_labels=namespaces.get(namespace, {}),
        ports={
            (port["name"], port.get("protocol", "TCP")): int(port["containerPort"])
            for port in ports
            if port.get("name")
        },
    )


def _isolates(policy: Object, pod: Party, direction: Direction) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return (
        direction.capitalize() in types
        and namespace_of(policy) == pod.namespace
        and selects_labels(spec.get("podSelector") or {}, pod.labels)
    )


def _is_peer(peers: list[Object] | None, other: Party, namespace: str) -> bool:
    return not peers or any(_is_this_peer(peer, other, namespace) for peer in peers)


def _is_this_peer(peer: Object, other: Party, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        return _within(other.ip, [block["cidr"]]) and not _within(other.ip, block.get("except") or [])
    if not other.is_pod:
        return False
    selector = peer.get("namespaceSelector")
    near = (
        other.namespace == namespace if selector is None else selects_labels(selector, other.namespace_labels)
    )
    return near and selects_labels(peer.get("podSelector") or {}, other.labels)


def _is_port(ports: list[Object] | None, destination: Party, port: int, protocol: str) -> bool:
    return not ports or any(_is_this_port(entry, destination, port, protocol) for entry in ports)


def _is_this_port(entry: Object, destination: Party, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return destination.ports.get((wanted, protocol)) == port
    return int(wanted) <= port <= int(entry.get("endPort") or wanted)


def _within(ip: str, blocks: Iterable[str]) -> bool:
    return any(IPv4Address(ip) in ip_network(block, strict=False) for block in blocks)
