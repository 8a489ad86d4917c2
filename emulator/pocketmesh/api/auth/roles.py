"""The ClusterRoles and bindings that every cluster starts with.

The ones that learners see and use, of those in k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/
bootstrappolicy: the control plane's own roles are left out, because its parts do not ask over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pocketmesh.objects import Object

_GROUP: Final = "rbac.authorization.k8s.io"
_READ: Final = ["get", "list", "watch"]
_WRITE: Final = ["create", "delete", "deletecollection", "patch", "update"]
_AGGREGATED: Final = f"{_GROUP}/aggregate-to-"
_STARTED_WITH: Final = {f"{_GROUP}/bootstrapping": "rbac-defaults"}
_UPDATED: Final = {f"{_GROUP}/autoupdate": "true"}

_HEALTH: Final = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY: Final = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_ISSUER: Final = ("/.well-known/openid-configuration", "/openid/v1/jwks")
_CORE: Final = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "serviceaccounts",
    "services",
]
_EDITED: Final = ("events", "secrets", "services/proxy")
_CORE_STATUS: Final = [
    "bindings",
    "events",
    "limitranges",
    "namespaces/status",
    "persistentvolumeclaims/status",
    "pods/log",
    "pods/status",
    "replicationcontrollers/status",
    "resourcequotas",
    "resourcequotas/status",
    "services/status",
]
_SCALED: Final = ["deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets"]
_APPS: Final = ["daemonsets", *_SCALED, "statefulsets/scale"]
_APPS_STATUS: Final = ["daemonsets/status", "deployments/status", "replicasets/status", "statefulsets/status"]


def default_roles() -> list[Object]:
    """The roles and the bindings."""
    return [
        _role("cluster-admin", [_rule(["*"], ["*"], ["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}]),
        _aggregate("admin"),
        _aggregate("edit", part_of="admin"),
        _aggregate("view", part_of="edit"),
        _role("system:aggregate-to-admin", _admin_rules(), {f"{_AGGREGATED}admin": "true"}),
        _role("system:aggregate-to-edit", _edit_rules(), {f"{_AGGREGATED}edit": "true"}),
        _role("system:aggregate-to-view", _view_rules(), {f"{_AGGREGATED}view": "true"}),
        _role("system:basic-user", _basic_rules()),
        _role("system:discovery", [_paths(*_DISCOVERY, *_HEALTH)]),
        _role("system:public-info-viewer", [_paths(*_HEALTH)]),
        _role("system:service-account-issuer-discovery", [_paths(*_ISSUER)]),
        _binding("cluster-admin", "cluster-admin", ["system:masters"]),
        _binding("system:basic-user", "system:basic-user", ["system:authenticated"]),
        _binding("system:discovery", "system:discovery", ["system:authenticated"]),
        _binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            ["system:authenticated", "system:unauthenticated"],
        ),
        _binding(
            "system:service-account-issuer-discovery",
            "system:service-account-issuer-discovery",
            ["system:serviceaccounts"],
        ),
    ]


def _admin_rules() -> list[Object]:
    access = ["rolebindings", "roles"]
    return [
        _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
        _rule([_GROUP], access, [*_WRITE, *_READ]),
    ]


def _edit_rules() -> list[Object]:
    into_pods = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"]
    return [
        _rule([""], into_pods, _READ),
        _rule([""], ["serviceaccounts"], ["impersonate"]),
        _rule([""], ["pods", *into_pods[:4]], _WRITE),
        _rule([""], ["pods/eviction"], ["create"]),
        _rule(
            [""], [name for name in [*_CORE, "events", "secrets", "services/proxy"] if name != "pods"], _WRITE
        ),
        _rule([""], ["serviceaccounts/token"], ["create"]),
        _rule(["apps"], [*_APPS, "deployments/rollback"], _WRITE),
        _rule(["autoscaling"], ["horizontalpodautoscalers"], _WRITE),
        _rule(["batch"], ["cronjobs", "jobs"], _WRITE),
        _rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], _WRITE),
        _rule(["policy"], ["poddisruptionbudgets"], _WRITE),
        _rule(["coordination.k8s.io"], ["leases"], [*_WRITE, *_READ]),
    ]


def _view_rules() -> list[Object]:
    return [
        _rule([""], _CORE, _READ),
        _rule([""], _CORE_STATUS, _READ),
        _rule([""], ["namespaces"], _READ),
        _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
        _rule(["apps"], ["controllerrevisions", *_APPS, *_APPS_STATUS], _READ),
        _rule(["autoscaling"], ["horizontalpodautoscalers", "horizontalpodautoscalers/status"], _READ),
        _rule(["batch"], ["cronjobs", "cronjobs/status", "jobs", "jobs/status"], _READ),
        _rule(["networking.k8s.io"], ["ingresses", "ingresses/status", "networkpolicies"], _READ),
        _rule(["policy"], ["poddisruptionbudgets", "poddisruptionbudgets/status"], _READ),
    ]


def _basic_rules() -> list[Object]:
    return [
        _rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
        _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
    ]


def _rule(groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str]) -> Object:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


def _paths(*paths: str) -> Object:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


def _role(name: str, rules: list[Object], labels: dict[str, str] | None = None) -> Object:
    return {**_head("ClusterRole", name, labels), "rules": rules}


def _aggregate(name: str, part_of: str = "") -> Object:
    """A role whose rules are those of the roles that carry a label; the greater ones contain the smaller."""
    head = _head("ClusterRole", name, {f"{_AGGREGATED}{part_of}": "true"} if part_of else None)
    selector = {"matchLabels": {f"{_AGGREGATED}{name}": "true"}}
    return {**head, "aggregationRule": {"clusterRoleSelectors": [selector]}, "rules": []}


def _binding(name: str, role: str, groups: list[str]) -> Object:
    subjects = [{"apiGroup": _GROUP, "kind": "Group", "name": group} for group in groups]
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role}
    return {**_head("ClusterRoleBinding", name), "roleRef": reference, "subjects": subjects}


def _head(kind: str, name: str, labels: dict[str, str] | None = None) -> Object:
    metadata = {"name": name, "annotations": _UPDATED, "labels": {**_STARTED_WITH, **(labels or {})}}
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": metadata}
