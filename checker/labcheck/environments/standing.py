"""What has become of environments: which there are, and the one that runs for a lab.

Asking is cheap: nothing is imported here that only `up` needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from labcheck.environments.choice import provider
from labcheck.environments.state import EnvironmentFolder, Record, StateFolder
from labcheck.errors import EnvironmentTrouble, UsageError


@dataclass(frozen=True, slots=True)
class Status:
    """What has become of an environment: `state` is ready, stopped, gone or interrupted."""

    record: Record
    folder: EnvironmentFolder
    state: str


def statuses(state: StateFolder) -> list[Status]:
    """Every environment that there is."""
    found = []
    for folder in state.environments():
        record = folder.record()
        if record:
            found.append(_status(folder, record))
    return found


def running(state: StateFolder, lab_id: str) -> Status:
    """The lab's environment, which is ready. Raises UsageError or EnvironmentTrouble with what to do."""
    folder = state.environment(lab_id)
    record = folder.record()
    if record is None:
        raise UsageError(f"{lab_id} is not running.", next_step=f"Start it: labcheck up {lab_id}")
    status = _status(folder, record)
    if status.state == "stopped":
        raise EnvironmentTrouble(
            f"The cluster of {lab_id} has stopped.",
            next_step=f"Nothing is lost; start it: labcheck up {lab_id}",
        )
    if status.state == "gone":
        raise EnvironmentTrouble(
            f"The cluster of {lab_id} is gone: something other than labcheck has deleted it.",
            next_step=f"Make it anew, without your answer: labcheck up {lab_id}",
        )
    if status.state == "interrupted":
        raise EnvironmentTrouble(
            f"{lab_id} was never completely started.", next_step=f"Start it again: labcheck up {lab_id}"
        )
    return status


def _status(folder: EnvironmentFolder, record: Record) -> Status:
    if record.status != "ready":
        return Status(record, folder, "interrupted")
    runner = provider(record.provider)
    if runner.running(folder.cluster):
        return Status(record, folder, "ready")
    return Status(record, folder, "gone" if runner.gone(folder.cluster) else "stopped")
