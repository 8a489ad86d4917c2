"""What the server adds to a pod that is created: its identity, and patience with a node in trouble.

Follows the ServiceAccount, Priority and DefaultTolerationSeconds plugins of
k8s.io/kubernetes/plugin/pkg/admission.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.api.metadata import suffix
from pocketmesh.objects import Object

DEFAULT_ACCOUNT: Final = "default"
TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS: Final = 3607
_PATIENCE_SECONDS: Final = 300
_CRITICAL: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def account_of(pod: Object) -> str:
    """The ServiceAccount that a pod runs as."""
    spec = pod["spec"]
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT


def admitted(pod: Object, account: Object | None) -> Object:
    """The pod with its account, token volume, tolerations and priority."""
    name = account_of(pod)
    spec: Object = {**pod["spec"], "serviceAccountName": name, "serviceAccount": name}
    if _wants_token(spec, account) and not _mounted(spec):
        _mount_token(spec)
    spec["tolerations"] = _tolerations(spec.get("tolerations") or [])
    spec.setdefault("priority", _CRITICAL.get(spec.get("priorityClassName", ""), 0))
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    return {**pod, "spec": spec}


def _wants_token(spec: Object, account: Object | None) -> bool:
    own = spec.get("automountServiceAccountToken")
    if own is not None:
        return bool(own)
    return (account or {}).get("automountServiceAccountToken") is not False


def _mounted(spec: Object) -> bool:
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    mounts = [container.get("volumeMounts") or [] for container in containers]
    return all(any(mount.get("mountPath") == TOKEN_PATH for mount in each) for each in mounts)


def _mount_token(spec: Object) -> None:
    name = f"kube-api-access-{suffix()}"
    mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
    for field in ("containers", "initContainers"):
        if spec.get(field):
            spec[field] = [_with_mount(container, mount) for container in spec[field]]
    spec["volumes"] = [*(spec.get("volumes") or []), {"name": name, "projected": _token_sources()}]


def _with_mount(container: Object, mount: Object) -> Object:
    mounts = container.get("volumeMounts") or []
    if any(present.get("mountPath") == TOKEN_PATH for present in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}


def _token_sources() -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
    }


def _tolerations(present: list[Object]) -> list[Object]:
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _PATIENCE_SECONDS}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if not any(_covers(toleration, key) for toleration in present)
    ]
    return [*present, *added]


def _covers(toleration: Object, key: str) -> bool:
    return toleration.get("key", key) == key and toleration.get("effect", "NoExecute") in ("", "NoExecute")
