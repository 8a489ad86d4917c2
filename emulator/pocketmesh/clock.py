"""Time as a dependency, so that a test can hold it still; nothing else here reads the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time of day comes from."""

    def now(self) -> datetime:
        """The current time, aware and in UTC."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """A time as Kubernetes writes it, to the second: `2026-01-31T12:00:00Z`."""
    # Not strftime, which takes four times as long; every write names a time twice.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def rfc3339_micro(moment: datetime) -> str:
    """A MicroTime as Kubernetes writes it: `2026-01-31T12:00:00.000000Z`."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse(text: str) -> datetime:
    """The time that an RFC 3339 string names. Raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
