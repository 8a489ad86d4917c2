from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pocketmesh.schema.cron import BadSchedule, parsed

START = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("* * * * *", "2026-01-31 12:01", id="every minute"),
        pytest.param("*/15 * * * *", "2026-01-31 12:15", id="every quarter"),
        pytest.param("5,50 12 * * *", "2026-01-31 12:05", id="a list"),
        pytest.param("0 9-17/4 * * *", "2026-01-31 13:00", id="a range with steps"),
        pytest.param("30/10 * * * *", "2026-01-31 12:30", id="steps from a start"),
        pytest.param("0 0 * * mon", "2026-02-02 00:00", id="a day of the week"),
        pytest.param("0 0 29 FEB ?", "2028-02-29 00:00", id="a leap day"),
        pytest.param("0 0 10 * 3", "2026-02-04 00:00", id="either day is enough"),
        pytest.param("0 0 */2 * 3", "2026-02-11 00:00", id="but a star wants both"),
        pytest.param("@hourly", "2026-01-31 13:00", id="hourly"),
        pytest.param("@monthly", "2026-02-01 00:00", id="monthly"),
        pytest.param("@every 1h30m", "2026-01-31 13:30:30", id="every so often"),
        pytest.param("0 0 31 2 *", None, id="never"),
    ],
)
def test_the_next_moment(text, expected):
    found = parsed(text).after(START)
    wanted = datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None
    assert found == wanted


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param("2026-03-28 02:00", "2026-03-30 00:30", id="an hour that is left out"),
        pytest.param("2026-10-24 23:00", "2026-10-25 00:30", id="an hour that comes twice"),
        pytest.param("2026-10-25 00:30", "2026-10-26 01:30", id="counts once"),
    ],
)
def test_a_zone_whose_clocks_change(moment, expected):
    zone = ZoneInfo("Europe/Berlin")
    found = parsed("30 2 * * *").after(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("@every day", 'failed to parse duration @every day: time: invalid duration "day"'),
    ],
)
def test_what_is_no_schedule(text, why):
    with pytest.raises(BadSchedule) as refused:
        parsed(text)
    assert str(refused.value) == why
