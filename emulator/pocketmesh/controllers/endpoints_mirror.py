"""EndpointSlices of Endpoints that somebody wrote by hand for a Service without selector.

Only slices are read for routing, so hand-written Endpoints would lead nowhere without their mirror
(pkg/controller/endpointslicemirroring).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from ipaddress import ip_address
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.controllers.endpoints import SLICES, service_of
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.owners import owner_reference
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pocketmesh.store import Event

MIRROR: Final = "endpointslicemirroring-controller.k8s.io"
_SERVICE: Final = "kubernetes.io/service-name"
_BY: Final = "endpointslice.kubernetes.io/managed-by"
_SKIP: Final = "endpointslice.kubernetes.io/skip-mirror"
_NOT_COPIED: Final = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)


class EndpointsMirror:
    """Keeps one slice for each subset and address family of hand-written Endpoints."""

    name = "endpointslicemirroring"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._slices = client.registry.store.index(SLICES, service_of)

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, "services")
        yield from own(event, "endpoints")
        if event.key.resource == SLICES and labels_of(event.object).get(_BY) == MIRROR:
            yield (event.key.namespace, labels_of(event.object).get(_SERVICE, ""))

    def reconcile(self, key: Place) -> float | None:
        service, endpoints = self._client.get("services", *key), self._client.get("endpoints", *key)
        wanted = mirrored(endpoints) if endpoints and _is_mirrored(service, endpoints) else []
        found = (self._client.get(SLICES, *place) for place in self._slices.at(key))
        left = [each for each in found if each is not None and labels_of(each).get(_BY) == MIRROR]
        for each in wanted:
            present = next((found for found in left if _shape(found) == _shape(each)), None)
            if present is None:
                self._client.create(SLICES, each)
                continue
            left.remove(present)
            if _content(present) != _content(each):
                metadata = {**present["metadata"], "labels": labels_of(each)}
                self._client.update(SLICES, {**each, "metadata": metadata})
        for each in left:
            self._client.delete(SLICES, namespace_of(each), name_of(each))
        return None


def mirrored(endpoints: Object) -> list[Object]:
    """The slices that say what Endpoints say."""
    kept = {k: v for k, v in annotations_of(endpoints).items() if k not in _NOT_COPIED}
    metadata: Object = {
        "generateName": f"{name_of(endpoints)}-",
        "namespace": namespace_of(endpoints),
        "labels": {**labels_of(endpoints), _SERVICE: name_of(endpoints), _BY: MIRROR},
        "annotations": kept,
        "ownerReferences": [owner_reference(endpoints)],
    }
    found = []
    for subset in endpoints.get("subsets") or []:
        rows = [
            *((address, True) for address in subset.get("addresses") or []),
            *((address, False) for address in subset.get("notReadyAddresses") or []),
        ]
        for family in ("IPv4", "IPv6"):
            inside = [
                _endpoint(address, ready) for address, ready in rows if _family(address["ip"]) == family
            ]
            if inside:
                body: Object = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
                body |= {"metadata": metadata, "addressType": family, "endpoints": inside}
                found.append({**body, "ports": [_port(port) for port in subset.get("ports") or []]})
    return found


def _is_mirrored(service: Object | None, endpoints: Object) -> bool:
    if service is None or service["spec"].get("selector") or "deletionTimestamp" in endpoints["metadata"]:
        return False
    return labels_of(endpoints).get(_SKIP) != "true"


def _endpoint(address: Object, ready: bool) -> Object:
    row: Object = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    fields = ("hostname", "nodeName", "targetRef")
    return {**row, **{field: address[field] for field in fields if address.get(field)}}


def _port(port: Object) -> Object:
    row = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": port["port"]}
    return {**row, "appProtocol": port["appProtocol"]} if port.get("appProtocol") else row


def _family(ip: str) -> str:
    return f"IPv{ip_address(ip).version}"


def _shape(found: Object) -> object:
    return (found["addressType"], found.get("ports") or [])


def _content(found: Object) -> object:
    return (found.get("endpoints") or [], labels_of(found))
