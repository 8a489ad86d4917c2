"""What a write may change, kind by kind: the strategies of kube-apiserver as pure functions.

A write to the object leaves its status alone; a write to `/status` changes nothing else; whoever
changes what is wanted bumps `generation`. Follows the `strategy.go` files of
k8s.io/kubernetes/pkg/registry and k8s.io/apiextensions-apiserver/pkg/registry/customresource.
"""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.api import certificate_requests
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind

_COUNTED: Final = frozenset(
    {
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "controllerrevisions.apps",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "cronjobs.batch",
        "jobs.batch",
        "ingresses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "poddisruptionbudgets.policy",
        "endpointslices.discovery.k8s.io",
        "priorityclasses.scheduling.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    }
)
# The status that a built-in object is created with; the others that have one start with an empty one.
_FIRST_STATUS: Final[dict[str, Object]] = {
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
    "replicasets.apps": {"replicas": 0},
    "statefulsets.apps": {"replicas": 0},
    "replicationcontrollers": {"replicas": 0},
    "daemonsets.apps": {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    },
}
_UNCONDITIONAL_ONLY_FOR_BUILT_INS: Final = "customresourcedefinitions.apiextensions.k8s.io"


def counts_generations(kind: Kind) -> bool:
    """Whether objects of this kind carry `metadata.generation`."""
    return kind.crd or kind.resource in _COUNTED


def needs_version_to_update(kind: Kind) -> bool:
    """Whether a PUT without resourceVersion is refused."""
    return kind.crd or kind.resource == _UNCONDITIONAL_ONLY_FOR_BUILT_INS


def without_status(kind: Kind, obj: Object) -> Object:
    """A new object as its writer may make it: its status is not theirs to give (a Node's is)."""
    if "status" not in kind.subresources or kind.resource == "nodes":
        return obj
    return {key: value for key, value in obj.items() if key != "status"}


def with_first_status(kind: Kind, obj: Object) -> Object:
    """A new object of a built-in kind with the status that upstream starts with."""
    if kind.crd or "status" not in kind.subresources or obj.get("status"):
        return obj
    if kind.resource == "pods":
        return {**obj, "status": {"phase": "Pending", "qosClass": qos_class(obj.get("spec") or {})}}
    return {**obj, "status": _FIRST_STATUS.get(kind.resource, {})}


def merged(kind: Kind, new: Object, old: Object, subresource: str) -> Object:
    """What an update of `subresource` ("" is the object itself) makes of `old`."""
    match subresource:
        case "status":
            return _status_written(kind, new, old)
        case "approval":
            return certificate_requests.approved(new, old)
        case "finalize":
            return {**old, "metadata": new["metadata"], "spec": new.get("spec") or {}}
        case "ephemeralcontainers":
            added = (new.get("spec") or {}).get("ephemeralContainers")
            spec = _with_value("ephemeralContainers", old["spec"], added)
            return {**old, "metadata": _identified(old, new), "spec": spec}
    if "status" not in kind.subresources:
        return new
    if kind.resource == "namespaces":
        kept = (old.get("spec") or {}).get("finalizers")
        new = {**new, "spec": _with_value("finalizers", new.get("spec") or {}, kept)}
    return _with_value("status", new, old.get("status"))


def configured(kind: Kind, config: Object, subresource: str) -> Object:
    """The part of an applied configuration that the subresource may change ("" is the object itself)."""
    if subresource == "status":
        identity = _only(config["metadata"], "name", "namespace", "uid", "resourceVersion")
        return {**_only(config, "apiVersion", "kind", "status"), "metadata": identity}
    return without_status(kind, config)


def _status_written(kind: Kind, new: Object, old: Object) -> Object:
    written = _with_value("status", old, new.get("status"))
    metadata = {**old["metadata"]}
    if not kind.crd:
        # Built-in strategies let a status write through to labels and annotations of these, and to a
        # Deployment's annotations: its revision must not count as a new generation.
        if kind.resource in ("nodes", "pods", "namespaces"):
            _assign(metadata, "labels", new["metadata"].get("labels"))
        if kind.resource in ("nodes", "pods", "namespaces", "deployments.apps"):
            _assign(metadata, "annotations", new["metadata"].get("annotations"))
        if kind.resource == "pods":
            _assign(metadata, "finalizers", new["metadata"].get("finalizers"))
    return {**written, "metadata": metadata}


def _identified(old: Object, new: Object) -> Object:
    """The old metadata; only the version that the writer saw is the new one's."""
    return {**old["metadata"], **_only(new["metadata"], "resourceVersion")}


def _only(obj: Object, *fields: str) -> Object:
    return {field: obj[field] for field in fields if field in obj}


def generation(kind: Kind, new: Object, old: Object) -> int | None:
    """The generation after an update, None for a kind that has none."""
    before = old["metadata"].get("generation")
    if not counts_generations(kind):
        return int(before) if before is not None else None
    before = int(before or 0)
    return before + 1 if _wanted(kind, new) != _wanted(kind, old) else before or 1


def _wanted(kind: Kind, obj: Object) -> Object:
    """What a controller acts on: all but metadata and status; a Deployment's annotations count too."""
    wanted: Object = {
        key: value for key, value in obj.items() if key not in ("metadata", "apiVersion", "kind")
    }
    if "status" in kind.subresources:
        wanted.pop("status", None)
    if kind.resource == "deployments.apps":
        wanted["annotations"] = obj["metadata"].get("annotations") or {}
    return wanted


def qos_class(spec: Object) -> str:
    """`status.qosClass` (k8s.io/kubernetes/pkg/apis/core/v1/helper/qos)."""
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    requests: dict[str, list[Any]] = {}
    guaranteed = bool(containers)
    for container in containers:
        resources = container.get("resources") or {}
        wanted, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            if name in wanted or name in limits:
                requests.setdefault(name, []).append(name)
            if name not in limits or wanted.get(name, limits[name]) != limits[name]:
                guaranteed = False
    if not requests:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _with_value(field: str, obj: Object, value: object) -> Object:
    """The object with a top-level field set, or without it for None, in its usual place at the end."""
    rest = {key: item for key, item in obj.items() if key != field}
    return rest if value is None else {**rest, field: value}


def _assign(metadata: Object, field: str, value: object) -> None:
    if value is None:
        metadata.pop(field, None)
    else:
        metadata[field] = value
