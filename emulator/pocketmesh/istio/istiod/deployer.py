"""Keeps the generated objects of Gateways as they should be, and leaves everybody else's alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.istio.gateway_api.classes import class_of
from pocketmesh.istio.istiod.deployment import CONTROLLER_VERSION, generated
from pocketmesh.istio.istiod.placement import is_managed
from pocketmesh.istio.resources import (
    DEPLOYMENTS,
    GATEWAY_CLASSES,
    GATEWAYS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Place,
    place_of,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import GATEWAY_MANAGED
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pocketmesh.store import Event

_RESOURCES: Final = {"ServiceAccount": SERVICE_ACCOUNTS, "Deployment": DEPLOYMENTS, "Service": SERVICES}
_VERSION: Final = "5"


class GatewayDeployer:
    """Applies what `generated` says, reverts what others change in it, and re-creates what is deleted.

    An object of the same name without the label `gateway.istio.io/managed` belongs to somebody else: it
    is not touched, and the Gateway stays without it (istio/istio issue 51294).
    """

    name = "istiod gateway deployments"

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._applied: dict[Place, list[tuple[Object, object]]] = {}
        """For each Gateway what was applied, and what that made of the object."""

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource == GATEWAYS and _changed(event):
            return (Place(namespace, name),)
        if resource == GATEWAY_CLASSES:
            gateways = self._client.all(GATEWAYS)
            return [place_of(gateway) for gateway in gateways if gateway["spec"]["gatewayClassName"] == name]
        if resource in _RESOURCES.values() and _changed(event):
            owners = event.object["metadata"].get("ownerReferences") or []
            names = {owner["name"] for owner in owners if owner["kind"] == "Gateway"}
            return [Place(namespace, owner) for owner in names | {name, name.removesuffix("-istio")}]
        return ()

    def reconcile(self, key: Place) -> float | None:
        gateway = self._client.get(GATEWAYS, *key)
        if gateway is None or "deletionTimestamp" in gateway["metadata"]:
            self._applied.pop(key, None)
            return None
        info = class_of(gateway, self._client, self._settings)
        if info is None or not info.template or not is_managed(gateway):
            return None
        if annotations_of(gateway).get(CONTROLLER_VERSION) != _VERSION:
            self._client.apply(GATEWAYS, _marked(gateway))
        before = self._applied.get(key, ())
        applied = self._applied[key] = []
        for obj in generated(gateway, info, self._settings):
            resource = _RESOURCES[obj["kind"]]
            found = self._client.get(resource, namespace_of(obj), name_of(obj))
            if found is None or GATEWAY_MANAGED in labels_of(found):
                if found is None or (obj, _wanted(found)) not in before:
                    found = self._client.apply(resource, obj)
                applied.append((obj, _wanted(found)))
        return None


def _marked(gateway: Object) -> Object:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "namespace": namespace_of(gateway),
            "name": name_of(gateway),
            "annotations": {CONTROLLER_VERSION: _VERSION},
        },
    }


def _changed(event: Event) -> bool:
    """Whether more than a status changed."""
    return (
        event.previous is None
        or event.type == "DELETED"
        or _wanted(event.object) != _wanted(event.previous.object)
    )


def _wanted(obj: Object) -> tuple[object, ...]:
    metadata = obj["metadata"]
    return (
        obj.get("spec"),
        metadata.get("labels"),
        metadata.get("annotations"),
        metadata.get("ownerReferences"),
    )
