"""Where one proxy can send: which cluster stands for a host's port, and the policy that it follows.

Upstream: istio/istio pilot/pkg/networking/core/{cluster_waypoint.go,cluster_traffic_policy.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from pocketmesh.istio.mesh.destination_rules import DestinationRule, TrafficPolicy, rule_for
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE, Mesh
from pocketmesh.net.services import ServicePort

Naming: TypeAlias = Callable[[str, int, str], str]
"""What a proxy calls the cluster of a host's port and subset; the subset is often empty."""


def cluster_name(host: str, port: int, subset: str = "", *, kind: str = "http") -> str:
    """What Istio calls the cluster of a Service's port in a waypoint."""
    return f"inbound-vip|{port}|{kind}{subset and '/'}{subset}|{host}"


def tcp_cluster_name(host: str, port: int, subset: str = "") -> str:
    """The same for connections that are no requests."""
    return cluster_name(host, port, subset, kind="tcp")


@dataclass(frozen=True, slots=True)
class Destinations:
    """The mesh as a proxy of a namespace sends to it."""

    mesh: Mesh
    namespace: str
    naming: Naming = cluster_name

    def port(self, host: str, port: int, subset: str = "") -> ServicePort | None:
        """A port with the endpoints of a subset; None when there is no such port or subset."""
        found = self.mesh.port(host, port)
        if found is None or not subset:
            return found
        rule = self._rule(host)
        labels = rule.labels(subset) if rule else None
        if labels is None:
            return None
        wanted = labels.items()
        endpoints = (end for end in found.endpoints if wanted <= self.mesh.labels_at(end.ip).items())
        return replace(found, endpoints=tuple(endpoints))

    def policy(self, host: str, port: int, subset: str = "") -> TrafficPolicy:
        """What DestinationRules say of requests and connections to a port."""
        rule = self._rule(host)
        if rule is None:
            return TrafficPolicy()
        return replace(rule.traffic_policy(port, subset), authorities=self.mesh.authorities)

    def _rule(self, host: str) -> DestinationRule | None:
        service = self.mesh.hosts.get(host)
        if service is None:
            return None
        own = () if self.namespace == ROOT_NAMESPACE else (self.namespace,)
        namespaces = (*own, service[0], ROOT_NAMESPACE)
        return rule_for(self.mesh.destination_rules, host, namespaces, self.namespace)
