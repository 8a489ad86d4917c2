"""Columns of namespaces, nodes, events, configuration and storage."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pocketmesh.objects import Object, condition, is_true
from pocketmesh.schema import ages
from pocketmesh.schema.builtin.columns.cells import (
    AGE,
    NAME,
    NONE,
    UNSET,
    at,
    flag,
    number,
    text,
    timed,
)
from pocketmesh.schema.kind import Column

_ROLE = "node-role.kubernetes.io/"
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _node_status(node: Object) -> str:
    if condition(node, "Ready") is None:
        ready = "Unknown"
    else:
        ready = "Ready" if is_true(node, "Ready") else "NotReady"
    return f"{ready},SchedulingDisabled" if at(node, "spec.unschedulable") else ready


def _roles(node: Object) -> str:
    labels = at(node, "metadata.labels", {})
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return ",".join(sorted((roles | {labels.get("kubernetes.io/role", "")}) - {""})) or NONE


def _address(kind: str) -> Column:
    def cell(node: Object) -> str:
        addresses = at(node, "status.addresses", ())
        return next((entry["address"] for entry in addresses if entry["type"] == kind), NONE)

    return text(kind.replace("IP", "-IP"), cell, wide=True)


def _kernel(node: Object) -> str:
    info = at(node, "status.nodeInfo", {})
    architecture = info.get("architecture")
    return (info.get("kernelVersion") or ages.UNKNOWN) + (f" ({architecture})" if architecture else "")


def _first_seen(event: Object, now: datetime) -> str:
    return ages.since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _last_seen(event: Object, now: datetime) -> str:
    if "series" in event:
        return ages.since(event["series"].get("lastObservedTime"), now)
    last = event.get("lastTimestamp")
    return ages.since(last, now) if last else _first_seen(event, now)


def _involved(event: Object) -> str:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    kind, name = involved.get("kind", "").lower(), involved.get("name")
    return f"{kind}/{name}" if name else kind


def _source(event: Object) -> str:
    component = at(event, "source.component") or event.get("reportingComponent", "")
    host = at(event, "source.host") or event.get("reportingInstance", "")
    return f"{component}, {host}" if host else component


def _count(event: Object) -> int:
    return int(at(event, "series.count", 0) or event.get("count") or 1)


def _quota(limits: bool) -> Column:
    def cell(quota: Object) -> str:
        hard, used = at(quota, "status.hard", {}), at(quota, "status.used", {})
        return ", ".join(
            f"{resource}: {used.get(resource, '0')}/{hard[resource]}"
            for resource in sorted(hard)
            if resource.startswith("limits.") == limits
        )

    return text("Limit" if limits else "Request", cell)


def _modes(modes: list[str]) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in modes)


def _phase(obj: Object) -> str:
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else str(at(obj, "status.phase"))


def _claim(volume: Object) -> str:
    claim = at(volume, "spec.claimRef", None)
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _class_name(storage_class: Object) -> str:
    default = at(storage_class, "metadata.annotations", {}).get("storageclass.kubernetes.io/is-default-class")
    return str(storage_class["metadata"]["name"]) + (" (default)" if default == "true" else "")


def _audiences(requests: list[Object] | None) -> str:
    return UNSET if requests is None else ",".join(request.get("audience", "") for request in requests)


_EVENT: Final = (
    timed("Last Seen", _last_seen),
    text("Type", lambda event: event.get("type", "")),
    text("Reason", lambda event: event.get("reason", "")),
    text("Object", _involved),
    text("Subobject", lambda event: at(event, "involvedObject.fieldPath"), wide=True),
    text("Source", _source, wide=True),
    text("Message", lambda event: str(event.get("message") or event.get("note") or "").strip()),
    timed("First Seen", _first_seen, wide=True),
    text("Count", _count, wide=True),
    Column("Name", "string", "name", "", 1, lambda event, _now: at(event, "metadata.name")),
)

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "namespaces": (NAME, text("Status", lambda obj: at(obj, "status.phase")), AGE),
    "nodes": (
        NAME,
        text("Status", _node_status),
        text("Roles", _roles),
        AGE,
        text("Version", lambda obj: at(obj, "status.nodeInfo.kubeletVersion")),
        _address("InternalIP"),
        _address("ExternalIP"),
        text("OS-Image", lambda obj: at(obj, "status.nodeInfo.osImage") or ages.UNKNOWN, wide=True),
        text("Kernel-Version", _kernel, wide=True),
        text(
            "Container-Runtime",
            lambda obj: at(obj, "status.nodeInfo.containerRuntimeVersion") or ages.UNKNOWN,
            wide=True,
        ),
    ),
    "events": _EVENT,
    "events.events.k8s.io": _EVENT,
    "configmaps": (
        NAME,
        text("Data", lambda obj: len(obj.get("data", ())) + len(obj.get("binaryData", ()))),
        AGE,
    ),
    "secrets": (
        NAME,
        text("Type", lambda obj: obj.get("type", "")),
        text("Data", lambda obj: len(obj.get("data", ()))),
        AGE,
    ),
    "serviceaccounts": (NAME, AGE),
    "resourcequotas": (NAME, _quota(limits=False), _quota(limits=True), AGE),
    "leases.coordination.k8s.io": (NAME, text("Holder", lambda obj: at(obj, "spec.holderIdentity")), AGE),
    "runtimeclasses.node.k8s.io": (NAME, text("Handler", lambda obj: obj.get("handler", "")), AGE),
    "priorityclasses.scheduling.k8s.io": (
        NAME,
        number("Value", "value"),
        flag("Global-Default", "globalDefault"),
        AGE,
        text("PreemptionPolicy", lambda obj: obj.get("preemptionPolicy", ""), wide=True),
    ),
    "persistentvolumes": (
        NAME,
        text("Capacity", lambda obj: at(obj, "spec.capacity.storage")),
        text("Access Modes", lambda obj: _modes(at(obj, "spec.accessModes", []))),
        text("Reclaim Policy", lambda obj: at(obj, "spec.persistentVolumeReclaimPolicy")),
        text("Status", _phase),
        text("Claim", _claim),
        text("StorageClass", lambda obj: at(obj, "spec.storageClassName")),
        text("VolumeAttributesClass", lambda obj: at(obj, "spec.volumeAttributesClassName", UNSET)),
        text("Reason", lambda obj: at(obj, "status.reason")),
        AGE,
        text("VolumeMode", lambda obj: at(obj, "spec.volumeMode", UNSET), wide=True),
    ),
    "persistentvolumeclaims": (
        NAME,
        text("Status", _phase),
        text("Volume", lambda obj: at(obj, "spec.volumeName")),
        text("Capacity", lambda obj: at(obj, "spec.volumeName") and at(obj, "status.capacity.storage")),
        text(
            "Access Modes",
            lambda obj: at(obj, "spec.volumeName") and _modes(at(obj, "status.accessModes", [])),
        ),
        text("StorageClass", lambda obj: at(obj, "spec.storageClassName")),
        text("VolumeAttributesClass", lambda obj: at(obj, "spec.volumeAttributesClassName", UNSET)),
        AGE,
        text("VolumeMode", lambda obj: at(obj, "spec.volumeMode", UNSET), wide=True),
    ),
    "storageclasses.storage.k8s.io": (
        Column("Name", "string", "name", "", 0, lambda obj, _now: _class_name(obj)),
        text("Provisioner", lambda obj: obj.get("provisioner", "")),
        text("ReclaimPolicy", lambda obj: obj.get("reclaimPolicy", "Delete")),
        text("VolumeBindingMode", lambda obj: obj.get("volumeBindingMode", "Immediate")),
        text("AllowVolumeExpansion", lambda obj: obj.get("allowVolumeExpansion", False)),
        AGE,
    ),
    "volumeattributesclasses.storage.k8s.io": (
        NAME,
        text("DriverName", lambda obj: obj.get("driverName", "")),
        AGE,
    ),
    "volumeattachments.storage.k8s.io": (
        NAME,
        text("Attacher", lambda obj: at(obj, "spec.attacher")),
        text("PV", lambda obj: at(obj, "spec.source.persistentVolumeName")),
        text("Node", lambda obj: at(obj, "spec.nodeName")),
        flag("Attached", "status.attached"),
        AGE,
    ),
    "csidrivers.storage.k8s.io": (
        NAME,
        flag("AttachRequired", "spec.attachRequired", otherwise=True),
        flag("PodInfoOnMount", "spec.podInfoOnMount"),
        flag("StorageCapacity", "spec.storageCapacity"),
        text("TokenRequests", lambda obj: _audiences(at(obj, "spec.tokenRequests", None))),
        flag("RequiresRepublish", "spec.requiresRepublish"),
        text("Modes", lambda obj: ",".join(at(obj, "spec.volumeLifecycleModes", ())) or NONE),
        AGE,
    ),
    "csinodes.storage.k8s.io": (
        NAME,
        Column("Drivers", "integer", "", "", 0, lambda obj, _now: len(at(obj, "spec.drivers", ()))),
        AGE,
    ),
    "csistoragecapacities.storage.k8s.io": (
        NAME,
        text("StorageClassName", lambda obj: obj.get("storageClassName", "")),
        text("Capacity", lambda obj: obj.get("capacity", UNSET)),
    ),
}
