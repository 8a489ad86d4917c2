"""CronJobs: a Job at each time of a schedule, and the clearing away of old ones (pkg/controller/cronjob)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.cronjob_times import due, seconds_to_next
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.job import is_finished
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import controlled_by, owner_reference
from pocketmesh.objects import Object, copied, is_true, name_of, namespace_of, uid_of
from pocketmesh.schema.cron import BadSchedule, Schedule, parsed
from pocketmesh.store import Event

RESOURCE: Final = "cronjobs.batch"
JOBS: Final = "jobs.batch"
_SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobs:
    """Starts each CronJob's Jobs."""

    name = "cronjob"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "cronjob-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own_and_controlled(event, RESOURCE, "CronJob", JOBS)

    def reconcile(self, key: Place) -> float | None:
        cron_job = self._client.get(RESOURCE, *key)
        if cron_job is None:
            return None
        cron_job, active = self._take_stock(cron_job)
        self._forget(cron_job)
        if "deletionTimestamp" in cron_job["metadata"] or cron_job["spec"].get("suspend"):
            return None
        times = self._times(cron_job)
        return self._keep(cron_job, active, *times) if times else None

    def _jobs(self, cron_job: Object) -> list[Object]:
        return controlled_by(cron_job, self._client.all(JOBS, namespace_of(cron_job)))

    def _take_stock(self, cron_job: Object) -> tuple[Object, list[Object]]:
        """Takes Jobs that are over or gone off the list of active ones; returns those that are left."""
        status = cron_job.get("status") or {}
        jobs, active = {uid_of(job): job for job in self._jobs(cron_job)}, []
        for reference in status.get("active") or []:
            job = jobs.get(reference["uid"])
            if job is None:
                self._say(cron_job, "MissingJob", f"Active job went missing: {reference['name']}")
            elif is_finished(job):
                how = "Complete" if is_true(job, "Complete") else "Failed"
                self._say(cron_job, "SawCompletedJob", f"Saw completed job: {name_of(job)}, condition: {how}")
            else:
                active.append(reference)
        listed = {reference["uid"] for reference in status.get("active") or []}
        for uid, job in jobs.items():
            if uid not in listed and not is_finished(job):
                message = f"Saw a job that the controller did not create or forgot: {name_of(job)}"
                self._events.event(cron_job, "Warning", "UnexpectedJob", message)
        ends = [status.get("lastSuccessfulTime") or ""]
        ends += [job["status"].get("completionTime", "") for job in jobs.values() if is_true(job, "Complete")]
        return self._with_status(cron_job, active=active, lastSuccessfulTime=max(ends)), active

    def _forget(self, cron_job: Object) -> None:
        """Deletes the oldest finished Jobs beyond the limits."""
        over = sorted((job for job in self._jobs(cron_job) if is_finished(job)), key=_start)
        for kind, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            limit, ended = cron_job["spec"].get(field), [job for job in over if is_true(job, kind)]
            if limit is not None:
                self._delete(cron_job, ended[: max(0, len(ended) - limit)])

    def _delete(self, cron_job: Object, jobs: Sequence[Object]) -> None:
        for job in jobs:
            self._client.delete(JOBS, namespace_of(job), name_of(job))
            self._say(cron_job, "SuccessfulDelete", f"Deleted job {name_of(job)}")

    def _times(self, cron_job: Object) -> tuple[Schedule, tzinfo] | None:
        text, name = cron_job["spec"]["schedule"], cron_job["spec"].get("timeZone")
        try:
            return parsed(text), ZoneInfo(name) if name else UTC
        except BadSchedule as error:
            message = f'unparseable schedule: "{text}" : {error}'
            self._events.event(cron_job, "Warning", "UnparseableSchedule", message)
        except (ZoneInfoNotFoundError, ValueError):
            message = f'invalid timeZone: "{name}": unknown time zone {name}'
            self._events.event(cron_job, "Warning", "UnknownTimeZone", message)
        return None

    def _keep(self, cron_job: Object, active: list[Object], schedule: Schedule, zone: tzinfo) -> float | None:
        """Starts the Job that is due, unless it is too late or another one may not run beside it."""
        now, found = self._clock.now(), due(cron_job, schedule, self._clock.now(), zone)
        if found.too_many:
            message = (
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                "or check clock skew"
            )
            self._events.event(cron_job, "Warning", "TooManyMissedTimes", message)
        if found.time is not None and self._may_start(cron_job, active, found.time, now):
            if cron_job["spec"].get("concurrencyPolicy") == "Replace":
                running = {reference["uid"] for reference in active}
                self._delete(cron_job, [job for job in self._jobs(cron_job) if uid_of(job) in running])
                active = []
            cron_job = self._start(cron_job, active, found.time, zone)
        return seconds_to_next(cron_job, schedule, now, zone)

    def _may_start(self, cron_job: Object, active: list[Object], time: datetime, now: datetime) -> bool:
        spec = cron_job["spec"]
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and time + timedelta(seconds=deadline) < now:
            missed = time.strftime("%a, %d %b %Y %H:%M:%S UTC")
            message = f"Missed scheduled time to start a job: {missed}"
            self._events.event(cron_job, "Warning", "MissSchedule", message)
            return False
        if (cron_job.get("status") or {}).get("lastScheduleTime") == rfc3339(time):
            return False
        if any(reference["name"] == _job_name(cron_job, time) for reference in active):
            return False
        if spec.get("concurrencyPolicy") == "Forbid" and active:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._say(cron_job, "JobAlreadyActive", message)
            return False
        return True

    def _start(self, cron_job: Object, active: list[Object], time: datetime, zone: tzinfo) -> Object:
        template = copied(cron_job["spec"]["jobTemplate"])
        metadata = template.get("metadata") or {}
        at = time.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
        job: Object = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": _job_name(cron_job, time),
                "namespace": namespace_of(cron_job),
                "labels": metadata.get("labels") or {},
                "annotations": {**(metadata.get("annotations") or {}), _SCHEDULED_AT: at},
                "ownerReferences": [owner_reference(cron_job)],
            },
            "spec": template["spec"],
        }
        created = self._client.get(JOBS, namespace_of(job), name_of(job))
        if created is None:
            created = self._create(cron_job, job)
        elif not controlled_by(cron_job, [created]):
            return cron_job
        fields = ("name", "namespace", "uid", "resourceVersion")
        reference = {"apiVersion": "batch/v1", "kind": "Job"}
        reference |= {field: created["metadata"][field] for field in fields}
        return self._with_status(cron_job, active=[*active, reference], lastScheduleTime=rfc3339(time))

    def _create(self, cron_job: Object, job: Object) -> Object:
        try:
            created = self._client.create(JOBS, job)
        except ApiError as error:
            self._events.event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        self._say(cron_job, "SuccessfulCreate", f"Created job {name_of(created)}")
        return created

    def _say(self, cron_job: Object, reason: str, message: str) -> None:
        self._events.event(cron_job, "Normal", reason, message)

    def _with_status(self, cron_job: Object, **changes: object) -> Object:
        status = {**(cron_job.get("status") or {}), **changes}
        status = {field: value for field, value in status.items() if value}
        return self._client.update_status(RESOURCE, {**cron_job, "status": status})


def _job_name(cron_job: Object, time: datetime) -> str:
    return f"{name_of(cron_job)}-{int(time.timestamp()) // 60}"


def _start(job: Object) -> tuple[str, str]:
    return ((job.get("status") or {}).get("startTime") or "9999", name_of(job))
