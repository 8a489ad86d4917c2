"""Who of several istiods leads, as objects that say so.

Each controller runs once whatever these say, so they are there to be looked at: they name an istiod that
runs, and are not renewed. Upstream: istio/istio pilot/pkg/leaderelection/leaderelection.go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final

import orjson

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.resources import CONFIG_MAPS, NAMESPACES
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, annotations_of
from pocketmesh.store import Event

ELECTIONS: Final = (
    "istio-gateway-status-leader",
    "istio-leader",
    "istio-namespace-controller-election",
    "istio-status-leader",
)
"""The elections that all revisions share, each a ConfigMap."""

_LEASES: Final = "leases.coordination.k8s.io"
_LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
_SECONDS: Final = 30


class Leadership:
    """A key is the name of an election; `leader` is the pod that leads, None when none does."""

    name = "istiod leadership"

    def __init__(
        self, client: Client, clock: Clock, settings: Settings, leader: Callable[[], str | None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings
        self._leader = leader

    @property
    def elections(self) -> tuple[str, ...]:
        """All elections: those of the deployments of Gateways are each revision's own, as a Lease."""
        return (*ELECTIONS, f"istio-gateway-deployment-{self._settings.revision}")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource == NAMESPACES and name == self._settings.root_namespace:
            return self.elections
        named = name in self.elections and namespace == self._settings.root_namespace
        return (name,) if named and resource in {CONFIG_MAPS, _LEASES} else ()

    def reconcile(self, name: str) -> float | None:
        root, leader = self._settings.root_namespace, self._leader()
        namespace = self._client.get(NAMESPACES, "", root)
        if leader is None or namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return None
        resource = CONFIG_MAPS if name in ELECTIONS else _LEASES
        found = self._client.get(resource, root, name)
        if found is None:
            self._client.create(resource, self._object(name, leader, 0))
        elif _holder(found) != leader:
            changed = self._object(name, leader, _transitions(found) + 1)
            metadata = {**found["metadata"], **changed["metadata"]}
            self._client.update(resource, {**found, **changed, "metadata": metadata})
        return None

    def _object(self, name: str, leader: str, transitions: int) -> Object:
        now = rfc3339(self._clock.now())
        metadata: Object = {"namespace": self._settings.root_namespace, "name": name}
        if name not in ELECTIONS:
            precise = now.replace("Z", ".000000Z")
            spec = {
                "holderIdentity": leader,
                "leaseDurationSeconds": _SECONDS,
                "leaseTransitions": transitions,
                "acquireTime": precise,
                "renewTime": precise,
            }
            return {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
        record = {
            "holderIdentity": leader,
            "holderKey": self._settings.revision,
            "leaseDurationSeconds": _SECONDS,
            "acquireTime": now,
            "renewTime": now,
            "leaderTransitions": transitions,
        }
        metadata["annotations"] = {_LEADER: orjson.dumps(record).decode()}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def _record(found: Object) -> Object:
    try:
        record = orjson.loads(annotations_of(found).get(_LEADER, "{}"))
    except orjson.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}


def _holder(found: Object) -> str:
    return str((found.get("spec") or _record(found)).get("holderIdentity", ""))


def _transitions(found: Object) -> int:
    count = (
        found["spec"].get("leaseTransitions") if "spec" in found else _record(found).get("leaderTransitions")
    )
    return count if isinstance(count, int) else 0
