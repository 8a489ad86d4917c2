"""Role-based access control: whether rules allow what somebody wants. Pure.

Follows k8s.io/kubernetes/pkg/apis/rbac/v1/evaluation_helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pocketmesh.api.calls import Caller
from pocketmesh.api.server.access import Attributes
from pocketmesh.objects import Object

_ANY = "*"


def allowed(rules: Iterable[Object], wanted: Attributes) -> bool:
    """Whether one of the rules covers what is wanted."""
    return any(covers(rule, wanted) for rule in rules)


def covers(rule: Object, wanted: Attributes) -> bool:
    """Whether one rule covers what is wanted."""
    if not _among(rule.get("verbs"), wanted.verb):
        return False
    if wanted.path:
        return any(_path_matches(pattern, wanted.path) for pattern in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames") or []
    return (
        _among(rule.get("apiGroups"), wanted.group)
        and _resource_matches(rule.get("resources") or [], wanted)
        and (not names or wanted.name in names)
    )


def _among(values: Sequence[str] | None, value: str) -> bool:
    return bool(values) and (_ANY in (values or ()) or value in (values or ()))


def _resource_matches(resources: Sequence[str], wanted: Attributes) -> bool:
    full = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    choices = {_ANY, full} | ({f"*/{wanted.subresource}"} if wanted.subresource else set())
    return not choices.isdisjoint(resources)


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in (_ANY, path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def applies(binding: Object, caller: Caller) -> Object | None:
    """The subject of a binding that is this caller."""
    namespace = binding["metadata"].get("namespace", "")
    return next((s for s in binding.get("subjects") or [] if _is(s, caller, namespace)), None)


def _is(subject: Object, caller: Caller, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return subject.get("name") in (_ANY, caller.user)
        case "Group":
            return subject.get("name") in caller.groups
        case "ServiceAccount":
            home = subject.get("namespace") or namespace
            return caller.user == f"system:serviceaccount:{home}:{subject.get('name')}"
    return False
