"""What admission adds to a pod: its account and token, its priority, how long it stays on a lost node.

Follows the plugins ServiceAccount, Priority and DefaultTolerationSeconds of
k8s.io/kubernetes/plugin/pkg/admission. Unlike defaults these have no owner: whoever applied the pod may take
them over. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.api.metadata import suffix
from pocketmesh.objects import Object

DEFAULT_ACCOUNT: Final = "default"
TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS: Final = 3607
SYSTEM_CLASSES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
"""The priorities of the classes that every cluster has."""
_LOST_NODE: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class Refused(Exception):
    """A pod may not be created as it is."""


def account_of(pod: Object) -> str:
    """The ServiceAccount that a pod runs as."""
    spec = pod["spec"]
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT


def admitted(pod: Object, account: Object | None, classes: Iterable[Object]) -> Object:
    """A new pod as the plugins leave it; `classes` are the PriorityClasses. Raises Refused."""
    return with_tolerations(_with_priority(_with_account(pod, account), classes))


def carried_over(new: Object, old: Object) -> Object:
    """An update of a pod, with what the plugins would give it again."""
    spec, before = new.get("spec"), old["spec"]
    if not isinstance(spec, dict):
        return new
    kept = {field: before[field] for field in ("priority", "preemptionPolicy") if field in before}
    return with_tolerations({**new, "spec": {**kept, **spec}})


def with_tolerations(pod: Object) -> Object:
    """The pod, staying five minutes on a node that nobody hears of, unless it says otherwise."""
    tolerations = pod["spec"].get("tolerations") or []
    if not isinstance(tolerations, list):
        return pod
    missing = [key for key in _LOST_NODE if not any(_tolerates(each, key) for each in tolerations)]
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in missing
    ]
    return {**pod, "spec": {**pod["spec"], "tolerations": [*tolerations, *added]}} if added else pod


def _tolerates(toleration: Object, key: str) -> bool:
    return (toleration.get("key", key), toleration.get("effect", "NoExecute")) == (key, "NoExecute")


def _with_priority(pod: Object, classes: Iterable[Object]) -> Object:
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    if name:
        chosen = next((each for each in classes if each["metadata"]["name"] == name), None)
        if name in SYSTEM_CLASSES:
            chosen = chosen or {"metadata": {"name": name}, "value": SYSTEM_CLASSES[name]}
        if chosen is None:
            raise Refused(f"no PriorityClass with name {name} was found")
    else:
        preferred = [each for each in classes if each.get("globalDefault")]
        chosen = min(preferred, key=lambda each: int(each["value"]), default=None)
    priority = chosen["value"] if chosen else 0
    policy = (chosen or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    computed = "priority admission controller computed {} from the given PriorityClass name"
    if spec.get("priority", priority) != priority:
        raise Refused(
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            + computed.format(priority)
        )
    if spec.get("preemptionPolicy", policy) != policy:
        raise Refused(
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod "
            f"spec; {computed.format(policy)}"
        )
    named = {"priorityClassName": chosen["metadata"]["name"]} if chosen else {}
    return {**pod, "spec": {**spec, **named, "priority": priority, "preemptionPolicy": policy}}


def _with_account(pod: Object, account: Object | None) -> Object:
    name = account_of(pod)
    spec: Object = {**pod["spec"], "serviceAccountName": name, "serviceAccount": name}
    secrets = (account or {}).get("imagePullSecrets")
    if secrets and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = secrets
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
