"""How far a Job is: what is counted, whether that is the end, how many pods it needs now.

Pure. Follows pkg/controller/job/{job_controller,backoff_utils}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pocketmesh.clock import parse
from pocketmesh.controllers.job_indexes import index_of, is_indexed, parsed
from pocketmesh.controllers.job_policies import failure_action, success
from pocketmesh.controllers.pods import is_active, is_terminating, phase
from pocketmesh.objects import Object, condition, uid_of

TRACKED: Final = "batch.kubernetes.io/job-tracking"
_FIRST_PAUSE: Final = 10.0
_LONGEST_PAUSE: Final = 600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The totals of a Job; the indexes are those of an Indexed one."""

    succeeded: int
    failed: int
    succeeded_indexes: frozenset[int] = frozenset()
    failed_indexes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a Job ends: well or not, and in which words."""

    good: bool
    reason: str
    message: str

    @property
    def conditions(self) -> tuple[str, str]:
        """The condition that tells of the end, and the one that is set when no pod is left."""
        return ("SuccessCriteriaMet", "Complete") if self.good else ("FailureTarget", "Failed")


def progress(job: Object, pods: Sequence[Object]) -> Progress:
    """What the status has counted, and what it names or finds finished but has not counted yet."""
    status, new = job.get("status") or {}, uncounted(job, pods)
    failed = status.get("failed", 0) + len(new.get("failed", ()))
    if not is_indexed(job):
        return Progress(status.get("succeeded", 0) + len(new.get("succeeded", ())), failed)
    good = {index_of(pod) for pod in pods if is_tracked(pod) and phase(pod) == "Succeeded"}
    done = (parsed(status.get("completedIndexes", "")) | good) & set(range(job["spec"]["completions"]))
    return Progress(len(done), failed, frozenset(done), frozenset(_failed_indexes(job, pods) - done))


def uncounted(job: Object, pods: Sequence[Object]) -> Object:
    """`status.uncountedTerminatedPods`: the uids of what is over and not in the counters yet, whether
    the pod is still tracked or the status named it before."""
    named = (job.get("status") or {}).get("uncountedTerminatedPods") or {}
    over = {uid_of(pod): pod for pod in pods if is_tracked(pod)}
    good = [uid for uid, pod in over.items() if phase(pod) == "Succeeded"]
    bad = [
        uid for uid, pod in over.items() if has_failed(job, pod) and failure_action(job, pod)[0] != "Ignore"
    ]
    found: Object = {}
    for field, uids in (("succeeded", good), ("failed", bad)):
        both = list(dict.fromkeys([*(named.get(field) or []), *uids]))
        if both:
            found[field] = both
    return found


def _failed_indexes(job: Object, pods: Sequence[Object]) -> set[int]:
    limit = job["spec"].get("backoffLimitPerIndex")
    if limit is None:
        return set()
    found = parsed((job.get("status") or {}).get("failedIndexes", ""))
    failures: dict[int, int] = {}
    for pod in pods:
        action = failure_action(job, pod)[0] if has_failed(job, pod) else "Ignore"
        if action == "FailIndex":
            found.add(index_of(pod))
        elif action != "Ignore":
            failures[index_of(pod)] = failures.get(index_of(pod), 0) + 1
    return found | {index for index, count in failures.items() if count > limit}


def is_tracked(pod: Object) -> bool:
    """Whether a pod is not counted yet."""
    return TRACKED in (pod["metadata"].get("finalizers") or [])


def has_failed(job: Object, pod: Object) -> bool:
    """Whether a pod counts as failed; one that is deleted does, unless only failed ones are replaced."""
    if phase(pod) == "Failed" or job["spec"].get("podReplacementPolicy") == "Failed":
        return phase(pod) == "Failed"
    return "deletionTimestamp" in pod["metadata"] and phase(pod) != "Succeeded"


def outcome(job: Object, pods: Sequence[Object], found: Progress, now: datetime) -> Outcome | None:
    """How the Job ends, None while it goes on. An end that was announced is kept."""
    for kind, good in (("SuccessCriteriaMet", True), ("FailureTarget", False)):
        said = condition(job, kind)
        if said is not None and said["status"] == "True":
            return Outcome(good, said["reason"], said["message"])
    return _failure(job, pods, found, now) or _success(job, pods, found)


def _failure(job: Object, pods: Sequence[Object], found: Progress, now: datetime) -> Outcome | None:
    spec = job["spec"]
    for pod in pods:
        action, why = failure_action(job, pod) if has_failed(job, pod) else ("", "")
        if action == "FailJob":
            return Outcome(False, "PodFailurePolicy", why)
    if found.failed > spec.get("backoffLimit", 6) or _restarts_exceed(job, pods):
        return Outcome(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = seconds_to_deadline(job, now)
    if left is not None and left <= 0:
        return Outcome(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    failed = len(found.failed_indexes)
    if failed > spec.get("maxFailedIndexes", failed):
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Outcome(False, "MaxFailedIndexesExceeded", message)
    if failed and failed + found.succeeded >= spec.get("completions", 0):
        return Outcome(False, "FailedIndexes", "Job has failed indexes")
    return None


def _success(job: Object, pods: Sequence[Object], found: Progress) -> Outcome | None:
    enough = success(job, found.succeeded_indexes) if is_indexed(job) else ""
    if enough:
        return Outcome(True, "SuccessPolicy", enough)
    completions, active = job["spec"].get("completions"), any(is_active(pod) for pod in pods)
    done = found.succeeded > 0 if completions is None else found.succeeded >= completions
    if done and not active:
        return Outcome(True, "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def _restarts_exceed(job: Object, pods: Sequence[Object]) -> bool:
    """With `restartPolicy: OnFailure` the restarts of containers count instead of failed pods."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in pods:
        if phase(pod) in ("Running", "Pending"):
            status = pod.get("status") or {}
            for field in ("initContainerStatuses", "containerStatuses"):
                restarts += sum(entry.get("restartCount", 0) for entry in status.get(field) or [])
    limit: int = job["spec"].get("backoffLimit", 6)
    return restarts >= limit if limit else restarts > 0


def seconds_to_deadline(job: Object, now: datetime) -> float | None:
    """What is left of `activeDeadlineSeconds`, None where there is no deadline or no running."""
    limit, start = job["spec"].get("activeDeadlineSeconds"), (job.get("status") or {}).get("startTime")
    if limit is None or not start or job["spec"].get("suspend"):
        return None
    return float(limit) - (now - parse(start)).total_seconds()


def missing(job: Object, pods: Sequence[Object], found: Progress) -> int:
    """How many pods to add; negative, how many are too many."""
    spec, active = job["spec"], sum(is_active(pod) for pod in pods)
    if spec.get("suspend"):
        return -active
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    if completions is None:
        wanted = active if found.succeeded else parallelism
    else:
        wanted = max(0, min(parallelism, completions - found.succeeded))
    if wanted > active and spec.get("podReplacementPolicy") == "Failed":
        wanted = max(active, wanted - sum(is_terminating(pod) for pod in pods))
    return int(wanted) - active


def pause(job: Object, pods: Sequence[Object], now: datetime) -> float:
    """The seconds to wait before failed pods are replaced: 10, doubled for each failure in a row, at
    most ten minutes."""
    ends = sorted((_end(pod, now), phase(pod) == "Succeeded") for pod in pods if _is_over(job, pod))
    row = 0
    for _, good in reversed(ends):
        if good:
            break
        row += 1
    if not row:
        return 0.0
    wanted = min(_LONGEST_PAUSE, _FIRST_PAUSE * float(2 ** min(row - 1, 10)))
    return max(0.0, wanted - (now - ends[-1][0]).total_seconds())


def _is_over(job: Object, pod: Object) -> bool:
    return phase(pod) == "Succeeded" or has_failed(job, pod)


def _end(pod: Object, now: datetime) -> datetime:
    """When a pod finished: its last container, else its being deleted, else now."""
    metadata, times = pod["metadata"], []
    for entry in (pod.get("status") or {}).get("containerStatuses") or []:
        finished = ((entry.get("state") or {}).get("terminated") or {}).get("finishedAt")
        times += [parse(finished)] if finished else []
    if times:
        return max(times)
    if "deletionTimestamp" in metadata:
        grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
        return parse(metadata["deletionTimestamp"]) - grace
    ready = condition(pod, "Ready")
    moved = ready.get("lastTransitionTime") if ready else None
    return parse(moved) if moved else now
