"""The GatewayClasses that istiod owns: created, created again, and accepted.

Upstream: istio/istio pilot/pkg/config/kube/gatewaycommon/gatewayclass.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import Condition, merged
from pocketmesh.istio.gateway_api.classes import BUILTIN, INFOS, infos
from pocketmesh.istio.istiod.features import SUPPORTED_FEATURES
from pocketmesh.istio.resources import CUSTOM_RESOURCES, GATEWAY_CLASSES
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object
from pocketmesh.store import Event


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
