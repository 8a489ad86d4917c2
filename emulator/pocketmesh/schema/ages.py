"""Durations as kubectl shows them (upstream: apimachinery `pkg/util/duration`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from pocketmesh import clock

UNKNOWN = "<unknown>"


def human(duration: timedelta) -> str:
    """`7s`, `2m30s`, `3d4h`: two or three significant figures."""
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def since(timestamp: object, now: datetime) -> str:
    """The age of an RFC 3339 time; `<unknown>` when there is none, `<invalid>` when it is not a time."""
    if not timestamp:
        return UNKNOWN
    try:
        return human(now - clock.parse(str(timestamp)))
    except ValueError:
        return "<invalid>"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
