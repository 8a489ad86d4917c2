"""When a CronJob is due.

Pure. Follows pkg/controller/cronjob/utils.go: of the times that were missed only the latest is made up for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from pocketmesh.clock import parse
from pocketmesh.objects import Object
from pocketmesh.schema.cron import Schedule

_TOO_MANY = 100


@dataclass(frozen=True, slots=True)
class Due:
    """The latest time that should have been kept, None when nothing is due, and how many were missed."""

    time: datetime | None
    missed: int

    @property
    def too_many(self) -> bool:
        """Whether a clock seems to have gone wrong."""
        return self.missed > _TOO_MANY


def due(cron_job: Object, schedule: Schedule, now: datetime, zone: tzinfo) -> Due:
    """What is due now."""
    since = _since(cron_job)
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if deadline is not None:
        since = max(since, now - timedelta(seconds=deadline))
    first = schedule.after(since, zone)
    if first is None or now < first:
        return Due(None, 0)
    second = schedule.after(first, zone)
    if second is None or now < second:
        return Due(first, 0)
    between = second - first
    missed = int((now - first) / between) + 1
    latest, following = first, schedule.after(first + (missed - 2) * between, zone)
    while following is not None and following <= now:
        latest, following = following, schedule.after(following, zone)
    return Due(latest, missed)


def seconds_to_next(cron_job: Object, schedule: Schedule, now: datetime, zone: tzinfo) -> float | None:
    """How long until the next time, None when there is none."""
    since = max(now, _since(cron_job)) if not schedule.every else _since(cron_job)
    following = schedule.after(since, zone)
    while following is not None and following <= now:
        following = schedule.after(following, zone)
    return (following - now).total_seconds() + 0.1 if following else None


def _since(cron_job: Object) -> datetime:
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    return parse(last or cron_job["metadata"]["creationTimestamp"])
