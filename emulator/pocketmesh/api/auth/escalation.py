"""Nobody hands out more rights than they have.

Follows k8s.io/kubernetes/pkg/registry/rbac (the `policybased` storages, `validation/rule.go`) and
k8s.io/component-helpers/auth/rbac/validation. Whoever may `escalate` roles, or `bind` a role, is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.auth.authorization import Authorizer
from pocketmesh.api.auth.certificates import MASTERS
from pocketmesh.api.calls import Caller
from pocketmesh.api.policies.matching import Request
from pocketmesh.api.server.access import Attributes
from pocketmesh.objects import Object, namespace_of
from pocketmesh.schema.errors import quoted
from pocketmesh.schema.kinds import Kinds

_GROUP: Final = "rbac.authorization.k8s.io"
_ROLES: Final = ("roles", "clusterroles")
_BINDINGS: Final = ("rolebindings", "clusterrolebindings")
_EVERYTHING: Final = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)
_FIELDS: Final = {
    "apiGroups": "APIGroups",
    "resources": "Resources",
    "nonResourceURLs": "NonResourceURLs",
    "resourceNames": "ResourceNames",
    "verbs": "Verbs",
}


class Escalation:
    """Judges writes of roles and of their bindings."""

    def __init__(self, authorizer: Authorizer, kinds: Kinds) -> None:
        self._authorizer = authorizer
        self._kinds = kinds

    def __call__(self, request: Request) -> None:
        """Raises ApiError 403 for rights that the writer does not have, 404 for a role that is not there."""
        if request.kind.group != _GROUP or request.new is None or MASTERS in request.write.caller.groups:
            return
        if request.kind.plural in _ROLES:
            self._role(request, request.new)
        elif request.kind.plural in _BINDINGS:
            self._binding(request, request.new)

    def _role(self, request: Request, role: Object) -> None:
        old = request.old or {}
        fields = ("rules", "aggregationRule")
        if request.old is not None and all(role.get(field) == old.get(field) for field in fields):
            return
        if self._may(request, "escalate", request.kind.plural, request.name):
            return
        if role.get("aggregationRule") and _missing(self._held(request), _EVERYTHING):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise errors.forbidden(request.kind, request.name, why)
        self._confirm(request, role.get("rules") or [])

    def _binding(self, request: Request, binding: Object) -> None:
        old, reference = request.old or {}, binding["roleRef"]
        if request.old is not None and binding.get("subjects") == old.get("subjects"):
            return
        resource = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
        if self._may(request, "bind", resource, reference["name"]):
            return
        rules = self._authorizer.rules(reference, namespace_of(binding))
        if rules is None:
            raise errors.not_found(self._kinds.stored(f"{resource}.{_GROUP}"), reference["name"])
        self._confirm(request, rules)

    def _may(self, request: Request, verb: str, resource: str, name: str) -> bool:
        wanted = Attributes(
            verb, _GROUP, request.kind.version, resource, namespace=self._place(request), name=name
        )
        return self._authorizer.decide(request.write.caller, wanted).allowed

    def _confirm(self, request: Request, rules: Sequence[Object]) -> None:
        missing = _missing(self._held(request), rules)
        if missing:
            raise errors.forbidden(request.kind, request.name, _refusal(request.write.caller, missing))

    def _held(self, request: Request) -> list[Object]:
        grants = self._authorizer.grants(request.write.caller, self._place(request))
        return [rule for grant in grants for rule in grant.rules]

    def _place(self, request: Request) -> str:
        return namespace_of(request.new or {})


def _missing(held: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    """Single rights of the wanted rules that no held rule covers."""
    return [each for rule in wanted for each in _single(rule) if not any(_covers(own, each) for own in held)]


def _single(rule: Object) -> Iterator[Object]:
    verbs = rule.get("verbs") or []
    for url, verb in product(rule.get("nonResourceURLs") or [], verbs):
        yield {"nonResourceURLs": [url], "verbs": [verb]}
    names = [[name] for name in rule.get("resourceNames") or []] or [[]]
    groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
    for group, resource, name, verb in product(groups, resources, names, verbs):
        yield {"apiGroups": [group], "resources": [resource], "resourceNames": name, "verbs": [verb]}


def _covers(own: Object, right: Object) -> bool:
    def has(field: str, *values: str) -> bool:
        return not {"*", *values}.isdisjoint(own.get(field) or ())

    if not has("verbs", *right["verbs"]):
        return False
    if "nonResourceURLs" in right:
        (url,) = right["nonResourceURLs"]
        patterns = own.get("nonResourceURLs") or ()
        return any(
            each in ("*", url) or (each.endswith("*") and url.startswith(each[:-1])) for each in patterns
        )
    (resource,) = right["resources"]
    _, _, subresource = resource.partition("/")
    wildcard = (f"*/{subresource}",) if subresource else ()
    names = own.get("resourceNames") or []
    return (
        has("apiGroups", *right["apiGroups"])
        and has("resources", resource, *wildcard)
        and (not names or (bool(right["resourceNames"]) and {*right["resourceNames"]} <= {*names}))
    )


def _refusal(caller: Caller, missing: Sequence[Object]) -> str:
    """The rights that are missing, those on one resource together."""
    together: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for right in missing:
        key = tuple(tuple(right.get(field) or ()) for field in _FIELDS if field != "verbs")
        together.setdefault(key, []).extend(right["verbs"])
    fields = [field for field in _FIELDS if field != "verbs"]
    lines = {
        _compact({**dict(zip(fields, map(list, key), strict=True)), "verbs": list(dict.fromkeys(verbs))})
        for key, verbs in together.items()
    }
    listed = "\n".join(sorted(lines))
    who = f"user {quoted(caller.user)} (groups={_list(caller.groups)})"
    return f"{who} is attempting to grant RBAC permissions not currently held:\n{listed}"


def _compact(rule: Object) -> str:
    """As `rbacv1helpers.CompactString`."""
    parts = [f"{title}:{_list(rule[field])}" for field, title in _FIELDS.items() if rule.get(field)]
    return f"{{{', '.join(parts)}}}"


def _list(values: Sequence[str]) -> str:
    return f"[{' '.join(map(quoted, values))}]"
