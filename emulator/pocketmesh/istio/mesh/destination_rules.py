"""DestinationRules: what is said of traffic to a host, and which pods make up its subsets.

Policies stay as they are written; what they mean for a proxy's clusters is told there.
Upstream: istio/istio pilot/pkg/model/{push_context.go,destination_rule.go}, pkg/networking/util.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pocketmesh.istio.mesh.hosts import covers, full_name
from pocketmesh.istio.mesh.routing import visible
from pocketmesh.objects import Object, name_of, namespace_of

_PARTS: Final = {
    "load_balancer": "loadBalancer",
    "connection_pool": "connectionPool",
    "outlier_detection": "outlierDetection",
    "tls": "tls",
}


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """The parts of a `trafficPolicy` as they are written; what nobody says anything of is empty.

    `authorities` are the certificates, in PEM, that `tls` may name, "" the operating system's.
    """

    load_balancer: Object = field(default_factory=dict)
    connection_pool: Object = field(default_factory=dict)
    outlier_detection: Object = field(default_factory=dict)
    tls: Object = field(default_factory=dict)
    authorities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DestinationRule:
    """One object, or several for the same host as one; `host` is a full name or begins with `*`."""

    namespace: str
    host: str
    exported: tuple[str, ...] = ("*",)
    policy: Object = field(default_factory=dict)
    subsets: Mapping[str, Object] = field(default_factory=dict)

    def labels(self, subset: str) -> Mapping[str, str] | None:
        """What the pods of a subset are labelled with; None when there is no such subset."""
        found = self.subsets.get(subset)
        return None if found is None else found.get("labels") or {}

    def traffic_policy(self, port: int, subset: str = "") -> TrafficPolicy:
        """The policy for a port. A subset's own parts replace those of the whole host, and a port's
        policy replaces the general one entirely."""
        own, _ = _at_port(self.policy, port)
        of_subset, for_port = _at_port(self.subsets.get(subset, {}).get("trafficPolicy") or {}, port)
        parts = {
            name: of_subset.get(key) or ({} if for_port else own.get(key)) or {}
            for name, key in _PARTS.items()
        }
        return TrafficPolicy(**parts)


def destination_rules(objects: Iterable[Object]) -> tuple[DestinationRule, ...]:
    """The rules of these objects. Of the same host and namespace the oldest speaks first, and what later
    ones add is added; one for a sort of clients is not for waypoints."""
    found: dict[tuple[str, str, tuple[str, ...]], DestinationRule] = {}
    for item in sorted(objects, key=_age):
        spec, namespace = item["spec"], namespace_of(item)
        if spec.get("workloadSelector"):
            continue
        exported = tuple(sorted(spec.get("exportTo") or ("*",)))
        subsets = {subset["name"]: subset for subset in spec.get("subsets") or []}
        host = full_name(spec["host"], namespace)
        rule = DestinationRule(namespace, host, exported, spec.get("trafficPolicy") or {}, subsets)
        earlier = found.get((namespace, host, exported))
        if earlier is not None:
            rule = replace(
                earlier, policy=earlier.policy or rule.policy, subsets={**subsets, **earlier.subsets}
            )
        found[namespace, host, exported] = rule
    return tuple(found.values())


def rule_for(
    rules: Iterable[DestinationRule], host: str, namespaces: Iterable[str], proxy: str
) -> DestinationRule | None:
    """The rule that a proxy of namespace `proxy` follows for a host.

    The first of `namespaces` that has one decides: a proxy's own, the service's, the root namespace. There
    the most exact host wins.
    """
    candidates = [rule for rule in rules if covers(rule.host, host)]
    for namespace in namespaces:
        own = [rule for rule in candidates if rule.namespace == namespace]
        seen = [rule for rule in own if namespace == proxy or visible(rule.exported, namespace, proxy)]
        if seen:
            return max(seen, key=lambda rule: (not rule.host.startswith("*"), len(rule.host)))
    return None


def _at_port(policy: Object, port: int) -> tuple[Object, bool]:
    for entry in policy.get("portLevelSettings") or []:
        if (entry.get("port") or {}).get("number") == port:
            return entry, True
    return policy, False


def _age(item: Object) -> tuple[str, str, str]:
    return str(item["metadata"].get("creationTimestamp", "")), name_of(item), namespace_of(item)
