"""The identity that a pod is created with: its ServiceAccount and the token that is mounted for it.

Follows the ServiceAccount plugin of k8s.io/kubernetes/plugin/pkg/admission; tolerations and priority
are defaults of the schema.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.api.metadata import suffix
from pocketmesh.objects import Object

DEFAULT_ACCOUNT: Final = "default"
TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS: Final = 3607


def account_of(pod: Object) -> str:
    """The ServiceAccount that a pod runs as."""
    spec = pod["spec"]
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT


def admitted(pod: Object, account: Object | None) -> Object:
    """The pod with its account and the volume that brings the account's token."""
    name = account_of(pod)
    spec: Object = {**pod["spec"], "serviceAccountName": name, "serviceAccount": name}
    if _wants_token(spec, account) and not _mounted(spec):
        _mount_token(spec)
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
