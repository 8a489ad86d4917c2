from __future__ import annotations

import random

import pytest

from labcheck.checks.stats import Bounds, bounds


@pytest.mark.parametrize(
    ("n", "share", "low", "high"),
    [(300, 0.1, 8, 58), (400, 0.1, 14, 72), (400, 0.2, 43, 121), (400, 0.3, 77, 166), (10, 0.5, 0, 10)],
)
def test_bounds_leave_one_in_a_million(n: int, share: float, low: int, high: int) -> None:
    found = bounds(n, share)
    assert (found.low, found.high) == (low, high)
    assert found.false_refusal <= 1e-6


@pytest.mark.parametrize(
    ("true_share", "chance"), [(0.1, 1.0), (0.2, 0.1746), (0.3, 0.0), (0.5, 0.0), (0.0, 0.0)]
)
def test_a_wrong_share_is_accepted_with_a_chance_that_is_known(true_share: float, chance: float) -> None:
    assert bounds(400, 0.1).acceptance(true_share) == pytest.approx(chance, abs=1e-5)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (1.0, 300)])
def test_all_or_nothing_allows_no_exception(share: float, count: int) -> None:
    found = bounds(300, share)
    assert (found.low, found.high) == (count, count)


def test_narrower_bounds_would_refuse_more_than_allowed() -> None:
    found = bounds(300, 0.1)
    for narrower in (Bounds(300, 0.1, found.low + 1, 300), Bounds(300, 0.1, 0, found.high - 1)):
        assert narrower.false_refusal > 0.5e-6


def test_samples_of_the_right_share_fall_within() -> None:
    draw = random.Random(7)
    found = bounds(300, 0.1)
    assert all(sum(draw.random() < 0.1 for _ in range(300)) in found for _ in range(300))


@pytest.mark.parametrize(
    ("n", "share", "alpha"), [(0, 0.1, 0.1), (3, 1.1, 0.1), (3, -0.1, 0.1), (3, 0.1, 0.0)]
)
def test_what_is_no_sample_is_refused(n: int, share: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="no sample has"):
        bounds(n, share, alpha)
