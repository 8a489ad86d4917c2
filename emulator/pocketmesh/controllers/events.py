"""The Events that `kubectl describe` shows: one object for each thing that happened, with a count."""

from __future__ import annotations

from typing import Final, Literal

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.objects import Object, name_of, namespace_of, uid_of

REMEMBERED: Final = 4096


class Recorder:
    """Writes Events for one component.

    The same words about the same object raise a count instead of making another Event
    (client-go tools/record/events_cache.go). An Event that cannot be written is dropped, as upstream's is.
    """

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._source: Object = {"component": component, **({"host": host} if host else {})}
        self._seen: dict[tuple[str, ...], str] = {}
        self._latest = 0

    def event(
        self, obj: Object, kind: Literal["Normal", "Warning"], reason: str, message: str, field_path: str = ""
    ) -> None:
        """Says that something happened to an object; `field_path` names a part of it, such as a container."""
        namespace = namespace_of(obj) or "default"
        about = (uid_of(obj), field_path, kind, reason, message)
        try:
            known = self._seen.get(about)
            if known and self._repeat(namespace, known):
                return
            self._seen[about] = self._create(namespace, obj, kind, reason, message, field_path)
        except ApiError:
            return
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _repeat(self, namespace: str, name: str) -> bool:
        event = self._client.get("events", namespace, name)
        if event is None:
            return False
        again = {"count": event.get("count", 1) + 1, "lastTimestamp": rfc3339(self._clock.now())}
        self._client.merge("events", namespace, name, again)
        return True

    def _create(
        self, namespace: str, obj: Object, kind: str, reason: str, message: str, field_path: str
    ) -> str:
        now = rfc3339(self._clock.now())
        involved: Object = {
            "apiVersion": obj.get("apiVersion", ""),
            "kind": obj.get("kind", ""),
            "name": name_of(obj),
            "uid": uid_of(obj),
            "resourceVersion": obj["metadata"].get("resourceVersion", ""),
        }
        if namespace_of(obj):
            involved["namespace"] = namespace
        if field_path:
            involved["fieldPath"] = field_path
        event: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self._free_name(namespace, name_of(obj)), "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host", ""),
        }
        return name_of(self._client.create("events", event))

    def _free_name(self, namespace: str, name: str) -> str:
        """The name with the time in nanoseconds, as upstream names Events, never twice the same.

        Clients sort Events of the same second by name, so this keeps them in the order of happening.
        """
        moment = int(self._clock.now().timestamp() * 1_000_000) * 1000
        self._latest = max(moment, self._latest + 1)
        while self._client.get("events", namespace, f"{name}.{self._latest:x}") is not None:
            self._latest += 1
        return f"{name}.{self._latest:x}"
