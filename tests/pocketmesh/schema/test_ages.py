"""Ages read as kubectl's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pocketmesh.schema import ages

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (timedelta(seconds=-5), "<invalid>"),
        (timedelta(seconds=-1), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=2, seconds=30), "2m30s"),
        (timedelta(minutes=10, seconds=30), "10m"),
        (timedelta(minutes=179), "179m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=7, minutes=5), "7h5m"),
        (timedelta(hours=47, minutes=5), "47h"),
        (timedelta(days=2), "2d"),
        (timedelta(days=3, hours=4), "3d4h"),
        (timedelta(days=300), "300d"),
        (timedelta(days=365 * 3), "3y"),
        (timedelta(days=365 * 3 + 40), "3y40d"),
        (timedelta(days=365 * 9), "9y"),
    ],
)
def test_a_duration_has_two_or_three_significant_figures(duration, shown):
    assert ages.human(duration) == shown


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [("2026-01-31T11:59:00Z", "60s"), (None, "<unknown>"), ("yesterday", "<invalid>")],
)
def test_an_age_is_counted_from_a_time_if_there_is_one(timestamp, shown):
    assert ages.since(timestamp, NOW) == shown
