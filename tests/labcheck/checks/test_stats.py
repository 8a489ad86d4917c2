from __future__ import annotations

import random

import pytest

from labcheck.checks.stats import SequentialTest

SHARES = [0.0, 0.05, 0.1, 0.2, 0.3, 0.35, 0.5, 0.8, 1.0]


def drawn(test: SequentialTest, share: float, draw: random.Random) -> tuple[bool, int]:
    """The verdict about a system of this share, and after how many requests it was found."""
    count = before = 0
    for n in test.looks:
        count += sum(draw.random() < share for _ in range(n - before))
        before = n
        verdict = test.judge(count, n)
        if verdict is not None:
            return verdict, n
    raise AssertionError("the last look decides")


@pytest.mark.parametrize("share", SHARES)
def test_a_right_answer_is_refused_once_in_a_million_at_most(share: float) -> None:
    assert 1 - SequentialTest(share).acceptance(share) <= 1e-6


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("side", [-1, 1])
def test_a_share_that_is_off_by_the_margin_is_hardly_ever_accepted(share: float, side: int) -> None:
    other = min(1.0, max(0.0, share + side * 0.2))
    if other != share:
        assert SequentialTest(share).acceptance(other) <= 4e-4


@pytest.mark.parametrize(
    ("share", "margin", "true_share", "chance"),
    [
        (0.1, 0.2, 0.3, 8.2e-5),
        (0.3, 0.2, 0.5, 8.3e-5),
        (0.3, 0.2, 0.1, 2.7e-5),
        (0.3, 0.2, 0.4, 0.496),
        (0.3, 0.2, 0.7, 0.0),
        (0.35, 0.3, 0.65, 1.0e-4),
        (0.0, 0.2, 0.2, 3.2e-4),
    ],
)
def test_what_is_accepted_of_a_wrong_share_is_known(
    share: float, margin: float, true_share: float, chance: float
) -> None:
    found = SequentialTest(share, margin).acceptance(true_share)
    assert found == pytest.approx(chance, rel=0.05, abs=1e-9)


@pytest.mark.parametrize(
    ("share", "margin", "requests"),
    [(0.1, 0.2, 88), (0.2, 0.2, 110), (0.3, 0.2, 130), (0.5, 0.2, 142), (0.35, 0.3, 59), (1.0, 0.2, 36)],
)
def test_a_right_answer_takes_few_requests(share: float, margin: float, requests: int) -> None:
    assert SequentialTest(share, margin).requests(share) == pytest.approx(requests, abs=0.5)


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(0.1, 68, 0, 23), (0.1, 148, 1, 38), (0.3, 96, 7, 56), (0.0, 36, 0, 0), (1.0, 36, 36, 36)],
)
def test_what_is_refused_lies_outside_the_bounds(share: float, n: int, low: int, high: int) -> None:
    test = SequentialTest(share)
    assert test.bounds(n) == (low, high)
    for count in {low - 1, high + 1} & set(range(n + 1)):
        assert test.judge(count, n) is False


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (1.0, 19)])
def test_all_or_nothing_allows_no_exception(share: float, count: int) -> None:
    assert SequentialTest(share).judge(count, 20) is False


@pytest.mark.parametrize("attempts", [3, 4, 5, 6])
def test_less_than_a_share_is_accepted_where_only_more_is_wrong(attempts: int) -> None:
    failing = 0.5 ** (attempts + 1)
    test = SequentialTest(failing, 0.5 - failing, missed=4e-6, or_less=True)
    assert 1 - test.acceptance(failing) <= 1e-6
    assert test.acceptance(0.0) == 1
    assert test.acceptance(0.5) <= 4e-6
    assert test.requests(failing) < 40


def test_the_last_look_decides_for_what_is_likelier() -> None:
    test = SequentialTest(0.3)
    last = test.looks[-1]
    assert (test.judge(round(0.39 * last), last), test.judge(round(0.41 * last), last)) == (True, False)
    assert test.judge(round(0.39 * last), last - 20) is None


@pytest.mark.parametrize("true_share", [0.3, 0.38, 0.42])
def test_the_exact_figures_are_those_of_many_drawn_gradings(true_share: float) -> None:
    test, draw = SequentialTest(0.3), random.Random(3)
    outcomes = [drawn(test, true_share, draw) for _ in range(400)]
    accepted = sum(verdict for verdict, _ in outcomes) / len(outcomes)
    requests = sum(n for _, n in outcomes) / len(outcomes)
    assert accepted == pytest.approx(test.acceptance(true_share), abs=0.07)
    assert requests == pytest.approx(test.requests(true_share), rel=0.12)


@pytest.mark.parametrize(
    ("share", "margin", "refused", "missed"),
    [
        (1.1, 0.2, 0.1, 0.1),
        (-0.1, 0.2, 0.1, 0.1),
        (0.1, 0.0, 0.1, 0.1),
        (0.1, 0.2, 0.0, 0.1),
        (0.1, 0.2, 0.4, 0.1),
    ],
)
def test_what_is_no_test_is_refused(share: float, margin: float, refused: float, missed: float) -> None:
    with pytest.raises(ValueError, match="no such test"):
        SequentialTest(share, margin, refused, missed)
