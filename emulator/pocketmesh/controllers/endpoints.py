"""Endpoints and EndpointSlices of every Service that selects pods.

Those of a Service without selector belong to whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.owners import controlled_by, owner_reference
from pocketmesh.controllers.service_endpoints import Backend, Port, backends, by_ports, in_slices
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of, selects
from pocketmesh.store import Event

SLICES: Final = "endpointslices.discovery.k8s.io"
_SERVICE: Final = "kubernetes.io/service-name"
_HEADLESS: Final = "service.kubernetes.io/headless"
_BY: Final = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER: Final = "endpointslice-controller.k8s.io"
_CHANGED: Final = "endpoints.kubernetes.io/last-change-trigger-time"


class ServiceEndpoints:
    """Writes the addresses behind each Service down."""

    name = "endpoints"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._slices = client.registry.store.index(SLICES, service_of)

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, "services")
        yield from own(event, "endpoints")
        if event.key.resource == SLICES and labels_of(event.object).get(_BY) == _CONTROLLER:
            yield (event.key.namespace, labels_of(event.object).get(_SERVICE, ""))
        if event.key.resource == "pods":
            shown = [labels_of(stored.object) for stored in (event.stored, event.previous) if stored]
            for service in self._client.all("services", event.key.namespace):
                if any(selects(service["spec"].get("selector"), labels) for labels in shown):
                    yield (event.key.namespace, name_of(service))

    def reconcile(self, key: Place) -> float | None:
        service = self._client.get("services", *key)
        if service is None or "deletionTimestamp" in service["metadata"]:
            self._client.delete("endpoints", *key)
            return None
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return None
        found = backends(service, self._client.all("pods", key[0]))
        self._write_endpoints(service, found)
        self._write_slices(service, found)
        return None

    def _write_endpoints(self, service: Object, found: Sequence[Backend]) -> None:
        key = (namespace_of(service), name_of(service))
        current = self._client.get("endpoints", *key)
        labels = {**labels_of(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        if _headless(service):
            labels[_HEADLESS] = ""
        unready = bool(service["spec"].get("publishNotReadyAddresses"))
        shown = [backend for backend in found if unready or not backend.terminating]
        subsets = [_subset(ports, group) for ports, group in by_ports(shown).items()]
        changed = {_CHANGED: rfc3339(self._clock.now())}
        metadata: Object = {"namespace": key[0], "name": key[1], "labels": labels, "annotations": changed}
        wanted: Object = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        if subsets:
            wanted["subsets"] = subsets
        if current is None:
            self._client.create("endpoints", wanted)
        elif (current.get("subsets") or []) != subsets or labels_of(current) != labels:
            annotations = {**annotations_of(current), **changed}
            wanted["metadata"] = {**current["metadata"], "labels": labels, "annotations": annotations}
            self._client.update("endpoints", wanted)

    def _write_slices(self, service: Object, found: Sequence[Backend]) -> None:
        places = self._slices.at((namespace_of(service), name_of(service)))
        named = (self._client.get(SLICES, *place) for place in places)
        slices = controlled_by(service, [each for each in named if each is not None])
        left = {name_of(each): each for each in slices if labels_of(each).get(_BY) == _CONTROLLER}
        groups = [*by_ports(found).items()] or [((), [])]
        for ports, group in in_slices(groups):
            rows = [port.row() for port in ports]
            same = next((name for name, each in left.items() if (each.get("ports") or []) == rows), None)
            current = left.pop(same) if same else None
            self._write_slice(service, current, rows, group)
        for name in left:
            self._client.delete(SLICES, namespace_of(service), name)

    def _write_slice(
        self, service: Object, current: Object | None, ports: list[Object], group: Sequence[Backend]
    ) -> None:
        labels = {**labels_of(service), _SERVICE: name_of(service), _BY: _CONTROLLER}
        if _headless(service):
            labels[_HEADLESS] = ""
        rows = [_endpoint(backend) for backend in group]
        if current and (current.get("endpoints") or []) == rows and labels_of(current) == labels:
            return
        metadata: Object = {
            "namespace": namespace_of(service),
            "labels": labels,
            "annotations": {_CHANGED: rfc3339(self._clock.now())},
            "ownerReferences": [owner_reference(service)],
        }
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "endpoints": rows,
            "ports": ports,
        }
        if current is None:
            metadata["generateName"] = f"{name_of(service)}-"
            self._client.create(SLICES, {**body, "metadata": metadata})
        else:
            kept = {**current["metadata"], "labels": labels}
            kept["annotations"] = {**annotations_of(current), **metadata["annotations"]}
            self._client.update(SLICES, {**body, "metadata": kept})


def service_of(found: Object) -> Iterable[Place]:
    """The Service that a slice says it belongs to."""
    name = labels_of(found).get(_SERVICE)
    return [(namespace_of(found), name)] if name else []


def _headless(service: Object) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def _endpoint(backend: Backend) -> Object:
    conditions = {"ready": backend.ready, "serving": backend.serving, "terminating": backend.terminating}
    row: Object = {"addresses": [backend.address], "conditions": conditions, "targetRef": backend.target()}
    if backend.hostname:
        row["hostname"] = backend.hostname
    if backend.node:
        row["nodeName"] = backend.node
    return row


def _subset(ports: Sequence[Port], group: Sequence[Backend]) -> Object:
    subset: Object = {}
    for field, ready in (("addresses", True), ("notReadyAddresses", False)):
        rows = [_address(backend) for backend in group if backend.ready is ready]
        if rows:
            subset[field] = rows
    if ports:
        subset["ports"] = [port.row() for port in ports]
    return subset


def _address(backend: Backend) -> Object:
    row: Object = {"ip": backend.address, "targetRef": backend.target()}
    if backend.hostname:
        row["hostname"] = backend.hostname
    if backend.node:
        row["nodeName"] = backend.node
    return row
