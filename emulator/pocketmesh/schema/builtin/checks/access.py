"""Roles and their bindings (upstream: `pkg/apis/rbac/validation`)."""

from __future__ import annotations

from pocketmesh.objects import Object
from pocketmesh.schema import errors
from pocketmesh.schema.errors import FieldError

_GROUP = "rbac.authorization.k8s.io"


def role(obj: Object, _old: Object | None) -> list[FieldError]:
    """A Role."""
    return _rules(obj, namespaced=True)


def cluster_role(obj: Object, _old: Object | None) -> list[FieldError]:
    """A ClusterRole."""
    return _rules(obj, namespaced=False)


def role_binding(obj: Object, old: Object | None) -> list[FieldError]:
    """A RoleBinding; what it binds to stays."""
    return _binding(obj, old, ("Role", "ClusterRole"))


def cluster_role_binding(obj: Object, old: Object | None) -> list[FieldError]:
    """A ClusterRoleBinding; what it binds to stays."""
    return _binding(obj, old, ("ClusterRole",))


def _rules(obj: Object, *, namespaced: bool) -> list[FieldError]:
    found = []
    for index, rule in enumerate(obj.get("rules") or ()):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            found.append(errors.required(f"{at}.verbs", "verbs must contain at least one value"))
        urls = rule.get("nonResourceURLs")
        if urls:
            complaints = {
                "namespaced rules cannot apply to non-resource URLs": namespaced,
                "rules cannot apply to both regular resources and non-resource URLs": any(
                    rule.get(field) for field in ("apiGroups", "resources", "resourceNames")
                ),
            }
            said = [complaint for complaint, holds in complaints.items() if holds]
            found += [errors.invalid(f"{at}.nonResourceURLs", urls, complaint) for complaint in said]
            continue
        if not rule.get("apiGroups"):
            found.append(
                errors.required(f"{at}.apiGroups", "resource rules must supply at least one api group")
            )
        if not rule.get("resources"):
            found.append(
                errors.required(f"{at}.resources", "resource rules must supply at least one resource")
            )
    return found


def _binding(obj: Object, old: Object | None, kinds: tuple[str, ...]) -> list[FieldError]:
    reference, found = obj["roleRef"], []
    if reference.get("apiGroup") != _GROUP:
        found.append(errors.unsupported("roleRef.apiGroup", reference.get("apiGroup", ""), (_GROUP,)))
    if reference.get("kind") not in kinds:
        found.append(errors.unsupported("roleRef.kind", reference.get("kind", ""), kinds))
    if not reference.get("name"):
        found.append(errors.required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects", ())):
        found += _subject(subject, f"subjects[{index}]", needs_namespace=len(kinds) == 1)
    if old is not None and old.get("roleRef") != reference:
        found.append(errors.invalid("roleRef", reference, "cannot change roleRef"))
    return found


def _subject(subject: Object, at: str, *, needs_namespace: bool) -> list[FieldError]:
    found = [] if subject.get("name") else [errors.required(f"{at}.name")]
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    if kind not in ("ServiceAccount", "User", "Group"):
        return [*found, errors.unsupported(f"{at}.kind", kind, ("ServiceAccount", "User", "Group"))]
    wanted = "" if kind == "ServiceAccount" else _GROUP
    if group != wanted:
        found.append(errors.unsupported(f"{at}.apiGroup", group, (wanted,)))
    if kind == "ServiceAccount" and needs_namespace and not subject.get("namespace"):
        found.append(errors.required(f"{at}.namespace"))
    return found
