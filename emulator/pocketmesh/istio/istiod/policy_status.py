"""Writes the conditions of AuthorizationPolicies, under the field manager of whoever enforces them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import in_protobuf_json, merged
from pocketmesh.istio.istiod.policies import WAYPOINT, ZTUNNEL, policy_condition, targets_of
from pocketmesh.istio.resources import (
    AUTHORIZATION_POLICIES,
    GATEWAY_CLASSES,
    GATEWAYS,
    NAMESPACES,
    SERVICE_ENTRIES,
    SERVICES,
    Place,
    place_of,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, condition
from pocketmesh.store import Event

MANAGERS: Final = {ZTUNNEL: "istio-ambient-ztunnel-policy", WAYPOINT: "istio-ambient-waypoint-policy"}


class PolicyStatus:
    """`clients` are keyed by condition type: each condition has a field manager of its own."""

    name = "istiod policy status"

    def __init__(self, clients: dict[str, Client], settings: Settings, clock: Clock) -> None:
        self._clients = clients
        self._reader = clients[ZTUNNEL]
        self._settings = settings
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource == AUTHORIZATION_POLICIES:
            return (Place(namespace, name),)
        if resource in {SERVICES, SERVICE_ENTRIES, GATEWAYS, GATEWAY_CLASSES, NAMESPACES}:
            policies = self._reader.all(AUTHORIZATION_POLICIES)
            return [place_of(policy) for policy in policies if targets_of(policy)]
        return ()

    def reconcile(self, key: Place) -> float | None:
        policy = self._reader.get(AUTHORIZATION_POLICIES, *key)
        if policy is None:
            return None
        wanted = policy_condition(policy, self._reader, self._settings)
        now = rfc3339(self._clock.now())
        generation = policy["metadata"].get("generation", 0)
        for kind, client in self._clients.items():
            before = condition(policy, kind)
            existing = [before] if before else []
            conditions = (
                in_protobuf_json(merged(existing, [wanted], generation, now)) if kind == wanted.type else []
            )
            if conditions != existing:
                client.apply(AUTHORIZATION_POLICIES, _status(policy, conditions), subresource="status")
        return None


def _status(policy: Object, conditions: list[Object]) -> Object:
    return {
        "apiVersion": policy["apiVersion"],
        "kind": policy["kind"],
        "metadata": {key: policy["metadata"][key] for key in ("namespace", "name")},
        "status": {"conditions": conditions},
    }
