"""istiod: what it does to the cluster's objects. Its data plane half is compiled in `istio.mesh`."""

from __future__ import annotations

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Reconciler
from pocketmesh.istio.gateway_api.classes import CONTROLLER
from pocketmesh.istio.istiod.allocation import AddressAllocation
from pocketmesh.istio.istiod.binding import MANAGERS as BINDING_MANAGERS
from pocketmesh.istio.istiod.binding import WaypointBindings
from pocketmesh.istio.istiod.classes import GatewayClasses
from pocketmesh.istio.istiod.deployer import GatewayDeployer
from pocketmesh.istio.istiod.gateways import GatewayStatus
from pocketmesh.istio.istiod.policy_status import MANAGERS as POLICY_MANAGERS
from pocketmesh.istio.istiod.policy_status import PolicyStatus
from pocketmesh.istio.istiod.routes import RouteStatus, route_resources
from pocketmesh.istio.istiod.trust import RootCertificates
from pocketmesh.istio.istiod.validation.webhook import WebhookConfigurations
from pocketmesh.istio.settings import Settings

__all__ = ["Settings", "reconcilers"]


def reconcilers(
    registry: Registry, root_certificate: str, settings: Settings | None = None
) -> list[Reconciler]:
    """Everything that stops when istiod does; `root_certificate` is the mesh's, in PEM."""
    settings = settings or Settings()
    clock = registry.clock
    discovery = Client(registry, "pilot-discovery", "system:serviceaccount:istio-system:istiod")
    deployer = Client(registry, CONTROLLER)
    policies = {kind: Client(registry, manager) for kind, manager in POLICY_MANAGERS.items()}
    bindings = [
        WaypointBindings(Client(registry, manager), clock, resources)
        for manager, resources in BINDING_MANAGERS.items()
    ]
    ambient = [*bindings, PolicyStatus(policies, settings, clock)]
    routes = [RouteStatus(resource, discovery, settings, clock) for resource in route_resources(settings)]
    return [
        GatewayClasses(discovery, settings, clock),
        GatewayDeployer(deployer, settings),
        GatewayStatus(discovery, settings, clock),
        *(ambient if settings.ambient else ()),
        *routes,
        RootCertificates(discovery, root_certificate),
        AddressAllocation(discovery),
        WebhookConfigurations(discovery, root_certificate, settings),
    ]
