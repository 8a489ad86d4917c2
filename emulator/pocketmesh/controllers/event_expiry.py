"""Events are forgotten an hour after they last happened, as by kube-apiserver's `--event-ttl`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, parse
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object
from pocketmesh.store import Event

RESOURCE: Final = "events"
_KEPT: Final = 3600.0


class EventExpiry:
    """Deletes each Event in its time."""

    name = "event-expiry"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own(event, RESOURCE) if event.type == "ADDED" else ()

    def reconcile(self, key: Place) -> float | None:
        event = self._client.get(RESOURCE, *key)
        if event is None:
            return None
        left = _KEPT - (self._clock.now() - parse(last_seen(event))).total_seconds()
        if left > 0:
            return left
        self._client.delete(RESOURCE, *key)
        return None


def last_seen(event: Object) -> str:
    """When it happened last; Events of a series say so elsewhere."""
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
