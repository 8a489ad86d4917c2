"""Cron schedules: five fields, names of months and days, `@hourly` and its like, `@every 1h30m`.

What github.com/robfig/cron/v3 `ParseStandard` takes and how it words its refusals, because that is what
CronJobs are checked with. Seconds, `L`, `W` and `#` are not part of it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final


class BadSchedule(ValueError):
    """The text is not a schedule; the message says why."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The moments that a text names. An `every` other than zero is all there is to it."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    every_day: bool = False
    """Whether days of the month or of the week are unrestricted; else one of the two is enough."""
    every: timedelta = timedelta()

    def after(self, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first moment after another, by the clocks of a zone; None when there is none in five years.

        Local times that a change of clocks leaves out are left out, repeated ones count once.
        """
        if self.every:
            return moment.replace(microsecond=0) + self.every
        local = moment.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
        last = local.year + 5
        found = self._from(local + timedelta(minutes=1), last)
        while found is not None:
            there = found.replace(tzinfo=zone).astimezone(UTC)
            if there > moment and there.astimezone(zone).replace(tzinfo=None) == found:
                return there
            found = self._from(found + timedelta(minutes=1), last)
        return None

    def _from(self, local: datetime, last: int) -> datetime | None:
        while local.year <= last:
            if local.month not in self.months or not self._has_day(local):
                local = local.replace(hour=0, minute=0) + timedelta(days=1)
            elif local.hour not in self.hours:
                local = local.replace(minute=0) + timedelta(hours=1)
            elif local.minute not in self.minutes:
                local += timedelta(minutes=1)
            else:
                return local
        return None

    def _has_day(self, local: datetime) -> bool:
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.every_day else (day or weekday)


_MONTHS: Final = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS: Final = {
    name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
}
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")


def parsed(text: str) -> Schedule:
    """The schedule that a text means. Raises BadSchedule."""
    if not text:
        raise BadSchedule("empty spec string")
    if text.startswith("@every "):
        return Schedule(every=_duration(text.removeprefix("@every ")))
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise BadSchedule(f"unrecognized descriptor: {text}")
    fields = _DESCRIPTORS.get(text, text).split()
    if len(fields) != 5:
        raise BadSchedule(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minute, hour, day, month, weekday = fields
    return Schedule(
        _field(minute, 0, 59),
        _field(hour, 0, 23),
        _field(day, 1, 31),
        _field(month, 1, 12, _MONTHS),
        _field(weekday, 0, 6, _WEEKDAYS),
        every_day=any(part[0] in "*?" for field in (day, weekday) for part in field.split(",")),
    )


def _duration(text: str) -> timedelta:
    parts = _DURATION.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise BadSchedule(f'failed to parse duration @every {text}: time: invalid duration "{text}"')
    return timedelta(seconds=max(1, int(sum(float(number) * _UNITS[unit] for number, unit in parts))))


def _field(text: str, least: int, most: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found.update(_range(part, least, most, names or {}))
    return frozenset(found)


def _range(text: str, least: int, most: int, names: Mapping[str, int]) -> range:
    span, *steps = text.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        first, last = least, most
    elif len(ends) <= 2:
        first = _number(ends[0], names)
        last = _number(ends[1], names) if len(ends) == 2 else (most if steps else first)
    else:
        raise BadSchedule(f"too many hyphens: {text}")
    if len(steps) > 1:
        raise BadSchedule(f"too many slashes: {text}")
    step = _number(steps[0], {}) if steps else 1
    if first < least:
        raise BadSchedule(f"beginning of range ({first}) below minimum ({least}): {text}")
    if last > most:
        raise BadSchedule(f"end of range ({last}) above maximum ({most}): {text}")
    if first > last:
        raise BadSchedule(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise BadSchedule(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
