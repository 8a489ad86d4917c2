"""The classes of Gateways that Istio serves, and what it knows about the Gateways of each.

Upstream: istio/istio pilot/pkg/config/kube/gatewaycommon/classinfo.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.resources import GATEWAY_CLASSES, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, labels_of

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
