"""The identity that grading runs with: it reads everything but Secrets, and may exec into the probe pods
only.

RBAC has no "all but": the readable groups and the core group's resources are listed, so a kind that is not
here is not readable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labcheck.kube.cluster import Cluster
from labcheck.kube.connection import Object

NAMESPACE = "labcheck-system"
NAME = "labcheck-grader"
_LIFETIME = 30 * 24 * 3600

_CORE = (
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "pods/log",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "services",
)
_GROUPS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "gateway.networking.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "extensions.istio.io",
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
)
_READ = ["get", "list", "watch"]


def objects(probes: Iterable[tuple[str, str]]) -> list[Object]:
    """What grants the identity its rights; `probes` are the (namespace, pod) that it may exec into."""
    by_namespace: dict[str, list[str]] = {}
    for namespace, pod in sorted(set(probes)):
        by_namespace.setdefault(namespace, []).append(pod)
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    cluster_role = _object(
        "ClusterRole",
        NAME,
        rules=[
            {"apiGroups": [""], "resources": list(_CORE), "verbs": _READ},
            {"apiGroups": list(_GROUPS), "resources": ["*"], "verbs": _READ},
            {"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"], "verbs": ["get"]},
        ],
    )
    granted = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}},
        cluster_role,
        _object("ClusterRoleBinding", NAME, subjects=[subject], roleRef=_ref("ClusterRole")),
    ]
    for namespace, pods in by_namespace.items():
        rule = {
            "apiGroups": [""],
            "resources": ["pods/exec"],
            "resourceNames": pods,
            "verbs": ["get", "create"],
        }
        granted.append(_object("Role", NAME, namespace, rules=[rule]))
        granted.append(_object("RoleBinding", NAME, namespace, subjects=[subject], roleRef=_ref("Role")))
    return granted


def _object(kind: str, name: str, namespace: str = "", **fields: Any) -> Object:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, **fields}


def _ref(kind: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME}


def create(cluster: Cluster, probes: Iterable[tuple[str, str]]) -> str:
    """Creates the identity and returns a token for it."""
    for obj in objects(probes):
        cluster.apply(cluster.kind(obj["kind"]), obj)
    account = cluster.kind("ServiceAccount").path(NAMESPACE, NAME)
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _LIFETIME},
    }
    answer = cluster.connection.request("POST", f"{account}/token", body=body)
    return str(answer["status"]["token"])
