"""Finished Jobs that say when they may go: `ttlSecondsAfterFinished` (pkg/controller/ttlafterfinished)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, parse
from pocketmesh.controllers.job import RESOURCE, is_finished
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, condition, is_true, uid_of
from pocketmesh.store import Event


class FinishedJobs:
    """Deletes Jobs when their time after the end is over."""

    name = "ttl-after-finished"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if event.type != "DELETED" and "ttlSecondsAfterFinished" in (event.object.get("spec") or {}):
            yield from own(event, RESOURCE)

    def reconcile(self, key: Place) -> float | None:
        job = self._client.get(RESOURCE, *key)
        if job is None or "deletionTimestamp" in job["metadata"] or not is_finished(job):
            return None
        left = self._seconds_left(job)
        if left is None or left > 0:
            return left
        self._client.delete(RESOURCE, *key, propagation="Foreground", uid=uid_of(job))
        return None

    def _seconds_left(self, job: Object) -> float | None:
        wait = job["spec"].get("ttlSecondsAfterFinished")
        end = condition(job, "Complete" if is_true(job, "Complete") else "Failed")
        if wait is None or end is None:
            return None
        return float(wait) - (self._clock.now() - parse(end["lastTransitionTime"])).total_seconds()
