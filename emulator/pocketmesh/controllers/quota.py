"""ResourceQuotas: what of each is used stands in its status (pkg/controller/resourcequota).

How usage is reckoned is decided where writes are judged by it, in `api.quota`; nothing is refused here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.quota import used
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, name_of
from pocketmesh.store import Event

RESOURCE: Final = "resourcequotas"


class Quotas:
    """Keeps the usage of each namespace's quotas."""

    name = "resourcequota"

    def __init__(self, client: Client) -> None:
        self._client = client

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, RESOURCE)
        if event.key.namespace and event.key.resource not in ("events", RESOURCE):
            for quota in self._client.all(RESOURCE, event.key.namespace):
                yield (event.key.namespace, name_of(quota))

    def reconcile(self, key: Place) -> float | None:
        quota = self._client.get(RESOURCE, *key)
        if quota is None:
            return None

        def objects(resource: str) -> list[Object]:
            return self._client.all(resource, key[0])

        status = {"hard": quota["spec"].get("hard") or {}, "used": used(quota, objects)}
        self._client.update_status(RESOURCE, {**quota, "status": status})
        return None
