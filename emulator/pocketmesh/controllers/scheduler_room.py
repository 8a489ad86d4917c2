"""Whether a node has room for a pod beside those that it runs: ports, resources, neighbours.

Pure. Follows pkg/scheduler/framework/plugins/{nodeports,noderesources,interpodaffinity}. Preferences and
topology spread are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from pocketmesh.api.selectors import selects_labels
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.schema.quantity import parse

_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def lack(pod: Object, node: Object, others: Sequence[Object], nodes: Mapping[str, Object]) -> list[str]:
    """What a node lacks, in the scheduler's words. `others` are all pods that are bound and not over."""
    here = [other for other in others if other["spec"]["nodeName"] == name_of(node)]
    if _ports(pod) & {port for other in here for port in _ports(other)}:
        return ["node(s) didn't have free ports for the requested pod ports"]
    return _insufficient(pod, node, here) or _neighbours(pod, node, others, nodes)


def requests(pod: Object, resource: str) -> Fraction:
    """What a pod asks for: all containers together, or one init container if that asks for more."""

    def of(container: Object) -> Fraction:
        return parse(((container.get("resources") or {}).get("requests") or {}).get(resource, 0))

    spec = pod["spec"]
    together = sum((of(each) for each in spec["containers"]), Fraction(0))
    return max([together, *(of(each) for each in spec.get("initContainers") or [])])


def _insufficient(pod: Object, node: Object, here: Sequence[Object]) -> list[str]:
    offered = (node.get("status") or {}).get("allocatable") or {}
    found = ["Too many pods"] if "pods" in offered and len(here) + 1 > parse(offered["pods"]) else []
    for resource in _RESOURCES:
        wanted = requests(pod, resource)
        if wanted and resource in offered:
            free = parse(offered[resource]) - sum((requests(other, resource) for other in here), Fraction(0))
            found += [f"Insufficient {resource}"] if wanted > free else []
    return found


def _ports(pod: Object) -> set[tuple[str, int]]:
    return {
        (port.get("protocol", "TCP"), port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("hostPort")
    }


def _neighbours(
    pod: Object, node: Object, others: Sequence[Object], nodes: Mapping[str, Object]
) -> list[str]:
    def near(term: Object) -> list[Object]:
        key = term["topologyKey"]
        place = labels_of(node).get(key)
        return [
            other
            for other in others
            if place is not None and labels_of(nodes.get(other["spec"]["nodeName"], {})).get(key) == place
        ]

    for term in _terms(pod, "podAffinity"):
        alone = not any(_selects(term, pod, other) for other in others) and _selects(term, pod, pod)
        if not alone and not any(_selects(term, pod, other) for other in near(term)):
            return ["node(s) didn't match pod affinity rules"]
    for term in _terms(pod, "podAntiAffinity"):
        if any(_selects(term, pod, other) for other in near(term)):
            return ["node(s) didn't match pod anti-affinity rules"]
    for other in others:
        for term in _terms(other, "podAntiAffinity"):
            if other in near(term) and _selects(term, other, pod):
                return ["node(s) didn't satisfy existing pods anti-affinity rules"]
    return []


def _terms(pod: Object, kind: str) -> Iterable[Object]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(_REQUIRED) or []


def _selects(term: Object, owner: Object, pod: Object) -> bool:
    namespaces = term.get("namespaces") or [namespace_of(owner)]
    return namespace_of(pod) in namespaces and selects_labels(term.get("labelSelector"), labels_of(pod))
