"""Which requests a policy or its binding is about. Pure.

Follows `predicates/rules` and `matching` of k8s.io/apiserver/pkg/admission/plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pocketmesh.api.calls import Write
from pocketmesh.api.selectors import of_selector
from pocketmesh.objects import Object, labels_of
from pocketmesh.schema.kind import Kind

Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE"]

_GROUP: Final = "admissionregistration.k8s.io"
_NAMESPACES: Final = "namespaces"
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """A write that is about to happen; `old` is what it changes, `new` is absent when that ends.

    `namespace` is the Namespace object that the write is in, None for one that is in none.
    """

    kind: Kind
    operation: Operation
    name: str
    write: Write
    new: Object | None
    old: Object | None
    subresource: str = ""
    namespace: Object | None = None


def is_exempt(kind: Kind) -> bool:
    """Policies cannot lock their owner out: what configures admission is never asked about."""
    return kind.group == _GROUP


def matches(resources: Object, request: Request, versions: Callable[[str], list[Kind]]) -> bool:
    """Whether a `MatchResources` takes a request; without rules it takes every resource.

    `versions` names the served kinds of a resource: an `Equivalent` rule about another version counts.
    """
    if not _namespace_selected(resources.get("namespaceSelector") or {}, request):
        return False
    if not _object_selected(resources.get("objectSelector") or {}, request):
        return False
    excluded = resources.get("excludeResourceRules") or []
    if any(_covers(rule, request, request.kind.version) for rule in excluded):
        return False
    rules = resources.get("resourceRules") or []
    served = [request.kind.version]
    if resources.get("matchPolicy") != "Exact":
        served += [kind.version for kind in versions(request.kind.resource)]
    return not rules or any(_covers(rule, request, version) for rule in rules for version in served)


def _covers(rule: Object, request: Request, version: str) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _among(rule.get("operations"), request.operation)
        and _among(rule.get("apiGroups"), request.kind.group)
        and _among(rule.get("apiVersions"), version)
        and _in_scope(rule.get("scope") or _ANY, request.kind)
        and any(_is_resource(name, request) for name in rule.get("resources") or ())
        and (not names or request.name in names)
    )


def _among(values: list[str] | None, value: str) -> bool:
    return bool(values) and (_ANY in (values or ()) or value in (values or ()))


def _in_scope(scope: str, kind: Kind) -> bool:
    # A Namespace is of the cluster, whatever is in it.
    return scope in (_ANY, "Namespaced" if kind.namespaced else "Cluster")


def _is_resource(pattern: str, request: Request) -> bool:
    """`*` is every resource without its subresources, `*/*` everything."""
    resource, _, subresource = pattern.partition("/")
    return resource in (_ANY, request.kind.plural) and subresource in (
        (_ANY, request.subresource) if "/" in pattern else (request.subresource,) * (not request.subresource)
    )


def _namespace_selected(selector: Object, request: Request) -> bool:
    terms = of_selector(selector)
    if not terms:
        return True
    namespace = request.namespace
    if request.kind.resource == _NAMESPACES:
        namespace = request.new if request.operation == "CREATE" else request.old
    if namespace is None:
        return True
    return all(term.matches(labels_of(namespace)) for term in terms)


def _object_selected(selector: Object, request: Request) -> bool:
    """The new object or the old one must be selected."""
    terms = of_selector(selector)
    judged = [labels_of(obj) for obj in (request.new, request.old) if obj is not None]
    return not terms or any(all(term.matches(labels) for term in terms) for labels in judged)
