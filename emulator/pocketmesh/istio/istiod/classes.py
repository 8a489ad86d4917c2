"""The GatewayClasses that istiod owns, and what it knows about Gateways of each.

Upstream: istio/istio pilot/pkg/config/kube/gatewaycommon/{classinfo,gatewayclass}.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import Condition, merged
from pocketmesh.istio.istiod.features import SUPPORTED_FEATURES
from pocketmesh.istio.istiod.settings import Settings
from pocketmesh.istio.resources import CUSTOM_RESOURCES, GATEWAY_CLASSES, Reader
from pocketmesh.objects import Object, labels_of
from pocketmesh.store import Event

CONTROLLER: Final = "istio.io/gateway-controller"
"""The controller name in every status that istiod writes on routes."""
MESH_CONTROLLER: Final = "istio.io/mesh-controller"
UNMANAGED_CONTROLLER: Final = "istio.io/unmanaged-gateway"


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """`template` is empty for a class whose Gateways istiod does not deploy; `address_type` is the only
    kind of address reported when there is no external one, empty for both kinds."""

    controller: str
    description: str
    template: str = ""
    service_type: str = ""
    suffixed: bool = False
    address_type: str = ""

    @property
    def managed(self) -> str:
        """The value of the label `gateway.istio.io/managed` on generated objects."""
        return self.controller.replace("/", "-")


INFOS: Final = {
    info.controller: info
    for info in (
        ClassInfo(
            CONTROLLER,
            "The default Istio GatewayClass",
            template="router",
            service_type="LoadBalancer",
            suffixed=True,
            address_type="Hostname",
        ),
        ClassInfo(UNMANAGED_CONTROLLER, "Remote to this cluster. Does not deploy or affect configuration."),
        ClassInfo(
            MESH_CONTROLLER,
            "The default Istio waypoint GatewayClass",
            template="waypoint",
            service_type="ClusterIP",
        ),
    )
}
BUILTIN: Final = {
    "istio": CONTROLLER,
    "istio-remote": UNMANAGED_CONTROLLER,
    "istio-waypoint": MESH_CONTROLLER,
}


def infos(settings: Settings) -> Mapping[str, ClassInfo]:
    """The controllers that an istiod with these settings is: one without ambient mode has no waypoints."""
    return INFOS if settings.waypoints else {name: INFOS[name] for name in INFOS if name != MESH_CONTROLLER}


def class_of(gateway: Object, reader: Reader, settings: Settings) -> ClassInfo | None:
    """What istiod knows about a Gateway's class; None when the Gateway is not this istiod's business:
    another controller's class, or a revision that it does not own."""
    if labels_of(gateway).get("istio.io/rev") not in {None, "", settings.revision}:
        return None
    name = gateway["spec"].get("gatewayClassName", "")
    found = reader.get(GATEWAY_CLASSES, "", name)
    controller = found["spec"]["controllerName"] if found else BUILTIN.get(name, "")
    return infos(settings).get(controller)


def class_status(found: Object, now: str) -> Object:
    """The status of a GatewayClass that istiod handles."""
    status = found.get("status") or {}
    accepted = Condition("Accepted", True, "Accepted", "Handled by Istio controller")
    generation = found["metadata"].get("generation", 0)
    return {
        **status,
        "conditions": merged(status.get("conditions") or [], [accepted], generation, now),
        "supportedFeatures": [{"name": feature} for feature in SUPPORTED_FEATURES],
    }


class GatewayClasses:
    """Creates the classes as soon as their kind exists, again when deleted, and accepts those it handles."""

    name = "istiod gateway classes"

    def __init__(self, client: Client, settings: Settings, clock: Clock) -> None:
        self._client = client
        self._infos = infos(settings)
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, _, name = event.key
        if resource == GATEWAY_CLASSES:
            return (name,)
        return BUILTIN if (resource, name) == (CUSTOM_RESOURCES, GATEWAY_CLASSES) else ()

    def reconcile(self, name: str) -> float | None:
        found = self._client.get(GATEWAY_CLASSES, "", name)
        if found is None:
            if BUILTIN.get(name) in self._infos and self._client.get(CUSTOM_RESOURCES, "", GATEWAY_CLASSES):
                self._client.create(GATEWAY_CLASSES, _class_object(name))
            return None
        if found["spec"]["controllerName"] in self._infos:
            status = class_status(found, rfc3339(self._clock.now()))
            if status != found.get("status"):
                self._client.update_status(GATEWAY_CLASSES, {**found, "status": status})
        return None


def _class_object(name: str) -> Object:
    info = INFOS[BUILTIN[name]]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": name},
        "spec": {"controllerName": info.controller, "description": info.description},
    }
