"""Jobs: pods run until enough of them have succeeded or too many have failed (pkg/controller/job).

A pod carries a finalizer until it is counted, so that none is lost or counted twice, whoever deletes
it; first the status names it, then the finalizer goes, then the counters move. What to do is decided
in `job_progress`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.job_indexes import index_of, indexed, is_indexed, pending, written
from pocketmesh.controllers.job_progress import (
    TRACKED,
    Outcome,
    Progress,
    has_failed,
    is_tracked,
    missing,
    outcome,
    pause,
    progress,
    seconds_to_deadline,
    uncounted,
)
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import controlled_by
from pocketmesh.controllers.pods import (
    deletion_rank,
    from_template,
    is_active,
    is_ready,
    is_terminating,
    phase,
)
from pocketmesh.objects import (
    Object,
    condition,
    controller_of,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from pocketmesh.store import Event

RESOURCE: Final = "jobs.batch"
_NAME: Final = "batch.kubernetes.io/job-name"
_OURS: Final = "kubernetes.io/job-controller"


class Jobs:
    """Runs each Job to its end."""

    name = "job"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "job-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own_and_controlled(event, RESOURCE, "Job", "pods")

    def reconcile(self, key: Place) -> float | None:
        job = self._client.get(RESOURCE, *key)
        self._release_strays(key, uid_of(job) if job else "")
        if job is None or is_finished(job) or job["spec"].get("managedBy", _OURS) != _OURS:
            return None
        return self._sync(job)

    def _release_strays(self, key: Place, uid: str) -> None:
        """Lets go of pods whose Job is gone: nobody counts them any more."""
        for pod in self._client.all("pods", key[0]):
            owner = controller_of(pod) or {}
            if is_tracked(pod) and labels_of(pod).get(_NAME) == key[1] and owner.get("uid") != uid:
                self._untrack(pod)

    def _sync(self, job: Object) -> float | None:
        now, wait = self._clock.now(), None
        if "startTime" not in (job.get("status") or {}) and not job["spec"].get("suspend"):
            job = self._with_status(job, startTime=rfc3339(now))
        pods = self._pods(job)
        found = progress(job, pods)
        end = outcome(job, pods, found, now)
        if end is not None:
            self._end([pod for pod in pods if is_active(pod)], job, counting=not end.good)
        elif "deletionTimestamp" not in job["metadata"]:
            wait = self._fill(job, pods, found)
            job = self._note_suspension(job)
            end = outcome(job, self._pods(job), found, now)
        job = self._count(job, end)
        self._conclude(job, end)
        left = seconds_to_deadline(job, now) if end is None else None
        return min((each for each in (wait, left) if each is not None), default=None)

    def _pods(self, job: Object) -> list[Object]:
        return controlled_by(job, self._client.all("pods", namespace_of(job)))

    def _fill(self, job: Object, pods: Sequence[Object], found: Progress) -> float | None:
        """Adds or removes pods; returns the seconds to wait where a failure is too fresh."""
        active = sorted((pod for pod in pods if is_active(pod)), key=deletion_rank)
        wanted = missing(job, pods, found)
        if wanted < 0:
            self._end(active[:-wanted], job, counting=False)
            return None
        wait = pause(job, pods, self._clock.now()) if wanted else 0.0
        if wait:
            return wait
        if is_indexed(job):
            taken = {index_of(pod) for pod in active} | found.succeeded_indexes | found.failed_indexes
            for index in pending(job["spec"]["completions"], taken, wanted):
                self._create(job, indexed(self._new_pod(job), name_of(job), index))
        else:
            for _ in range(wanted):
                self._create(job, self._new_pod(job))
        return None

    def _new_pod(self, job: Object) -> Object:
        pod = from_template(job, job["spec"]["template"])
        pod["metadata"]["finalizers"] = [*pod["metadata"]["finalizers"], TRACKED]
        return pod

    def _create(self, job: Object, pod: Object) -> None:
        try:
            created = self._client.create("pods", pod)
        except ApiError as error:
            self._events.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._events.event(job, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _end(self, pods: Sequence[Object], job: Object, *, counting: bool) -> None:
        """Deletes pods, which then count as failed or not at all."""
        for pod in pods:
            if not counting:
                self._untrack(pod)
            self._client.delete("pods", namespace_of(pod), name_of(pod))
            self._events.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _untrack(self, pod: Object) -> None:
        kept = [name for name in pod["metadata"].get("finalizers") or [] if name != TRACKED]
        patch = {"metadata": {"finalizers": kept or None}}
        self._client.merge("pods", namespace_of(pod), name_of(pod), patch)

    def _note_suspension(self, job: Object) -> Object:
        suspended, said = bool(job["spec"].get("suspend")), condition(job, "Suspended")
        if suspended is (said is not None and said["status"] == "True"):
            return job
        reason, message = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
        self._events.event(job, "Normal", "Suspended" if suspended else "Resumed", message)
        conditions = _with_condition(job, "Suspended", suspended, reason, message, self._now())
        start = None if suspended else self._now()
        return self._with_status(job, conditions=conditions, startTime=start)

    def _count(self, job: Object, end: Outcome | None) -> Object:
        """Counts each finished pod once, and announces the end."""
        tracked = [pod for pod in self._pods(job) if is_tracked(pod)]
        found = progress(job, tracked)
        over = [pod for pod in tracked if phase(pod) == "Succeeded" or has_failed(job, pod)]
        totals: Object = {"conditions": (job.get("status") or {}).get("conditions")}
        if end is not None:
            announced = end.conditions[0]
            totals["conditions"] = _with_condition(job, announced, True, end.reason, end.message, self._now())
        if is_indexed(job):
            totals["completedIndexes"] = written(found.succeeded_indexes) or None
        if "backoffLimitPerIndex" in job["spec"]:
            totals["failedIndexes"] = written(found.failed_indexes)
        if over:
            job = self._with_status(job, **totals, uncountedTerminatedPods=uncounted(job, tracked))
        for pod in over:
            self._untrack(pod)
        pods = self._pods(job)
        return self._with_status(
            job,
            **totals,
            active=sum(is_active(pod) for pod in pods) or None,
            ready=sum(is_ready(pod) for pod in pods if is_active(pod)),
            terminating=sum(is_terminating(pod) for pod in pods),
            succeeded=found.succeeded or None,
            failed=found.failed or None,
            uncountedTerminatedPods={},
        )

    def _conclude(self, job: Object, end: Outcome | None) -> None:
        """Says that the Job is over, once none of its pods is still being ended."""
        if end is None or job["status"].get("terminating") or job["status"].get("active"):
            return
        terminal = end.conditions[1]
        conditions = _with_condition(job, terminal, True, end.reason, end.message, self._now())
        self._with_status(job, conditions=conditions, completionTime=self._now() if end.good else None)
        if end.good:
            self._events.event(job, "Normal", "Completed", "Job completed")
        else:
            self._events.event(job, "Warning", end.reason, end.message)

    def _now(self) -> str:
        return rfc3339(self._clock.now())

    def _with_status(self, job: Object, **changes: object) -> Object:
        status = {**(job.get("status") or {}), **changes}
        status = {field: value for field, value in status.items() if value is not None}
        return self._client.update_status(RESOURCE, {**job, "status": status})


def is_finished(job: Object) -> bool:
    """Whether a Job is over, well or not."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def _with_condition(job: Object, kind: str, holds: bool, reason: str, message: str, now: str) -> list[Object]:
    """The Job's conditions with one more, or one changed; they carry the time of the probe too."""
    conditions, said = (job.get("status") or {}).get("conditions") or [], condition(job, kind)
    status = "True" if holds else "False"
    if said is not None and said["status"] == status:
        return list(conditions)
    if said is None and not holds:
        return list(conditions)
    new = {"type": kind, "status": status, "lastProbeTime": now, "lastTransitionTime": now}
    new |= {"reason": reason, "message": message}
    return [*(entry for entry in conditions if entry["type"] != kind), new]
