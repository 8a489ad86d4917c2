"""Jobs: pods run until enough of them have succeeded or too many have failed (pkg/controller/job).

Indexed completion, suspension and pod failure policies are not done.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import controlled_by
from pocketmesh.controllers.pods import from_template, is_active, is_ready, phase
from pocketmesh.objects import Object, is_true, name_of, namespace_of, uid_of
from pocketmesh.store import Event

RESOURCE: Final = "jobs.batch"


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
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        if is_true(job, "Complete") or is_true(job, "Failed"):
            return None
        spec, pods = job["spec"], self._pods(job)
        succeeded, failed, active = _counts(pods)
        completions = spec.get("completions") or 1
        exhausted = failed > spec.get("backoffLimit", 6)
        if not exhausted:
            for _ in range(min(spec.get("parallelism", 1), completions - succeeded) - active):
                self._create(job)
        else:
            for pod in pods:
                if is_active(pod):
                    self._client.delete("pods", namespace_of(pod), name_of(pod))
        self._write_status(job, done=succeeded >= completions, exhausted=exhausted)
        return None

    def _pods(self, job: Object) -> list[Object]:
        return controlled_by(job, self._client.all("pods", namespace_of(job)))

    def _create(self, job: Object) -> None:
        labels = {
            "batch.kubernetes.io/controller-uid": uid_of(job),
            "batch.kubernetes.io/job-name": name_of(job),
            "controller-uid": uid_of(job),
            "job-name": name_of(job),
        }
        created = self._client.create("pods", from_template(job, job["spec"]["template"], labels))
        self._events.event(job, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _write_status(self, job: Object, *, done: bool, exhausted: bool) -> None:
        now = rfc3339(self._clock.now())
        pods, before = self._pods(job), job.get("status") or {}
        succeeded, failed, active = _counts(pods)
        counts = {"active": active, "succeeded": succeeded, "failed": failed}
        status: Object = {
            "startTime": before.get("startTime", now),
            "ready": sum(is_ready(pod) and is_active(pod) for pod in pods),
            "terminating": sum("deletionTimestamp" in pod["metadata"] for pod in pods),
            "uncountedTerminatedPods": {},
            **{field: count for field, count in counts.items() if count},
        }
        conditions = before.get("conditions") or []
        if done:
            reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
            for kind in ("SuccessCriteriaMet", "Complete"):
                conditions = with_condition(conditions, _said(kind, reason, message), now)
            status["completionTime"] = now
            self._events.event(job, "Normal", "Completed", "Job completed")
        elif exhausted:
            reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
            for kind in ("FailureTarget", "Failed"):
                conditions = with_condition(conditions, _said(kind, reason, message), now)
            self._events.event(job, "Warning", reason, message)
        if conditions:
            status["conditions"] = conditions
        self._client.update_status(RESOURCE, {**job, "status": status})


def _said(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def _counts(pods: list[Object]) -> tuple[int, int, int]:
    phases = [phase(pod) for pod in pods]
    return phases.count("Succeeded"), phases.count("Failed"), sum(is_active(pod) for pod in pods)
