"""The policies of a Job: which failures count (podFailurePolicy), what is success enough (successPolicy).

Pure. Follows pkg/controller/job/{pod_failure_policy,success_policy}.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pocketmesh.controllers.job_indexes import parsed
from pocketmesh.objects import Object, name_of, namespace_of


def failure_action(job: Object, pod: Object) -> tuple[str, str]:
    """What the first matching rule makes of a failed pod, and why it ends the Job if it does.

    The action is `Ignore`, `FailJob`, `FailIndex` or `Count`, which is also that of no rule.
    """
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or []):
        matched = _matched(rule, pod)
        if matched:
            return rule["action"], f"{matched} matching {rule['action']} rule at index {index}"
    return "Count", ""


def _matched(rule: Object, pod: Object) -> str:
    if rule.get("onExitCodes"):
        for status in _ended(pod):
            code = status["state"]["terminated"]["exitCode"]
            if _holds(rule["onExitCodes"], status["name"], code):
                where = f"{namespace_of(pod)}/{name_of(pod)}"
                return f"Container {status['name']} for pod {where} failed with exit code {code}"
        return ""
    for entry in (pod.get("status") or {}).get("conditions") or []:
        for pattern in rule.get("onPodConditions") or []:
            if entry["type"] == pattern["type"] and entry["status"] == pattern.get("status", "True"):
                return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {entry['type']}"
    return ""


def _ended(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(field) or []:
            if ((entry.get("state") or {}).get("terminated") or {}).get("exitCode"):
                yield entry


def _holds(requirement: Object, container: str, code: int) -> bool:
    if requirement.get("containerName", container) != container:
        return False
    return (code in requirement["values"]) is (requirement["operator"] == "In")


def success(job: Object, succeeded: Collection[int]) -> str:
    """Which rule of the success policy the succeeded indexes satisfy, empty for none."""
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or []):
        wanted = parsed(rule["succeededIndexes"]) if "succeededIndexes" in rule else set(succeeded)
        done, enough = len(wanted & set(succeeded)), rule.get("succeededCount")
        whole = "succeededIndexes" in rule and wanted <= set(succeeded)
        if succeeded and (whole or (enough is not None and done >= enough)):
            return f"Matched rules at index {number}"
    return ""
