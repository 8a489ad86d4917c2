"""Addresses of Services of type LoadBalancer, as a cloud's controller gives them out.

There is no cloud; the addresses are of the network that kind's containers are on, so a Service has an
EXTERNAL-IP as it has on kind beside cloud-provider-kind or MetalLB. They lead to the Service from within
the cluster only. Follows cloud-provider/controllers/service.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Set
from ipaddress import IPv4Address, ip_address
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.store import Event

FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
_FIRST: Final = IPv4Address("172.18.255.1")
_COUNT: Final = 254


class LoadBalancers:
    """Gives each such Service an address, and takes it back."""

    name = "service-lb"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._events = Recorder(client, clock, "service-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own(event, "services")

    def reconcile(self, key: Place) -> float | None:
        service = self._client.get("services", *key)
        if service is None:
            return None
        wanted = wants_address(service)
        if wanted and not addresses(service):
            self._give(service)
        elif not wanted and FINALIZER in _finalizers(service):
            self._take(service)
        return None

    def _give(self, service: Object) -> None:
        self._events.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        held = [name for name in _finalizers(service) if name != FINALIZER]
        service = self._merge(service, {"metadata": {"finalizers": [*held, FINALIZER]}})
        taken = {ip for other in self._client.all("services") for ip in addresses(other)}
        asked = service["spec"].get("loadBalancerIP", "")
        address = chosen(asked, taken)
        if not address:
            message = "Error syncing load balancer: failed to ensure load balancer: no address is free"
            self._events.event(service, "Warning", "SyncLoadBalancerFailed", message)
            return
        ingress = [{"ip": address, "ipMode": "VIP"}]
        status = {**(service.get("status") or {}), "loadBalancer": {"ingress": ingress}}
        self._client.update_status("services", {**service, "status": status})
        self._events.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    def _take(self, service: Object) -> None:
        self._events.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        status = {**(service.get("status") or {}), "loadBalancer": {}}
        service = self._client.update_status("services", {**service, "status": status})
        self._events.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
        kept = [name for name in _finalizers(service) if name != FINALIZER]
        self._merge(service, {"metadata": {"finalizers": kept or None}})

    def _merge(self, service: Object, patch: Object) -> Object:
        return self._client.merge("services", namespace_of(service), name_of(service), patch)


def wants_address(service: Object) -> bool:
    """Whether a Service is one that this controller answers for."""
    spec = service["spec"]
    ours = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    return ours and "deletionTimestamp" not in service["metadata"]


def addresses(service: Object) -> list[str]:
    """The addresses that a Service was given."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [entry["ip"] for entry in ingress if entry.get("ip")]


def chosen(asked: str, taken: Set[str]) -> str:
    """The address that was asked for if it is one and free, else the first free one, empty for none."""
    if asked and asked not in taken and _is_address(asked):
        return asked
    candidates = (str(_FIRST + offset) for offset in range(_COUNT))
    return next((address for address in candidates if address not in taken), "")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _finalizers(service: Object) -> list[str]:
    return service["metadata"].get("finalizers") or []
