"""Defaults of namespaces, nodes, storage and the definitions of further kinds."""

from __future__ import annotations

import base64

from pocketmesh.objects import Object


def with_status(obj: Object) -> None:
    """A kind whose only default is that its status is there."""
    obj.setdefault("status", {})


def namespace(obj: Object) -> None:
    """A Namespace: labelled with its name, held by its content, active."""
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
    if not finalizers and "deletionTimestamp" not in obj["metadata"]:
        finalizers.append("kubernetes")
    obj.setdefault("status", {}).setdefault("phase", "Active")


def node(obj: Object) -> None:
    """A Node: everything it has can be used, unless it says otherwise."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))


def secret(obj: Object) -> None:
    """A Secret; plain `stringData` becomes `data`."""
    for key, value in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    if not obj.get("type"):
        obj["type"] = "Opaque"


def limit_range(obj: Object) -> None:
    """A LimitRange: what a container may have follows from the limits that are set."""
    for item in obj.setdefault("spec", {}).get("limits", ()):
        if item.get("type") == "Container":
            limits = {**item.get("max", {}), **item.get("default", {})}
            requests = {**item.get("min", {}), **limits, **item.get("defaultRequest", {})}
            item.update({"default": limits} if limits else {})
            item.update({"defaultRequest": requests} if requests else {})


def persistent_volume(obj: Object) -> None:
    """A PersistentVolume."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def persistent_volume_claim(obj: Object) -> None:
    """A PersistentVolumeClaim."""
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def storage_class(obj: Object) -> None:
    """A StorageClass."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def csi_driver(obj: Object) -> None:
    """A CSIDriver."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("attachRequired", True)
    for field in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        spec.setdefault(field, False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    spec.setdefault("volumeLifecycleModes", ["Persistent"])


def priority_class(obj: Object) -> None:
    """A PriorityClass."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def custom_resource_definition(obj: Object) -> None:
    """A CustomResourceDefinition: its names, and that nothing is converted."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    service = spec.setdefault("conversion", {"strategy": "None"}).get("webhook", {})
    service = service.get("clientConfig", {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    status = obj.setdefault("status", {})
    stored = [version["name"] for version in spec.get("versions", ()) if version.get("storage")]
    if stored and not status.get("storedVersions"):
        status["storedVersions"] = stored[:1]


def api_service(obj: Object) -> None:
    """An APIService."""
    service = obj.setdefault("spec", {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    obj.setdefault("status", {})
