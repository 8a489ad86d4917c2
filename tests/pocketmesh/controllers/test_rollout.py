from __future__ import annotations

import pytest

from pocketmesh.controllers.rollout import Bounds, Replicas, bounds, new_size, old_sizes, shared_out


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        pytest.param(4, "25%", "25%", Bounds(1, 1), id="a quarter of four is one"),
        pytest.param(3, "25%", "25%", Bounds(1, 0), id="surge rounds up, unavailable down"),
        pytest.param(1, 0, "25%", Bounds(0, 1), id="never both zero"),
        pytest.param(2, "100%", 0, Bounds(2, 0), id="everything at once"),
    ],
)
def test_bounds(replicas, surge, unavailable, expected):
    assert bounds(replicas, surge, unavailable) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(0, [], 3, id="all at once when there is nothing else"),
        pytest.param(0, [3], 1, id="one more than wanted"),
        pytest.param(1, [3], 1, id="no room"),
        pytest.param(1, [2], 2, id="room for one"),
        pytest.param(5, [], 3, id="down to what is wanted"),
    ],
)
def test_the_new_replica_set_grows_as_far_as_the_surge_allows(new, old, expected):
    rows = [Replicas("old", size, size) for size in old]
    assert new_size(3, Bounds(1, 0), Replicas("new", new, new), rows) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param((1, 0), [("a", 3, 3)], {}, id="nothing to spare while the new one is not ready"),
        pytest.param((1, 1), [("a", 3, 3)], {"a": 2}, id="one for one"),
        pytest.param((1, 1), [("a", 3, 0)], {"a": 2}, id="unhealthy ones go, within bounds"),
        pytest.param((3, 3), [("a", 1, 1), ("b", 1, 1)], {"a": 0, "b": 0}, id="all old ones at the end"),
    ],
)
def test_old_replica_sets_shrink_as_far_as_availability_allows(new, old, expected):
    rows = [Replicas(*each) for each in old]
    assert old_sizes(3, Bounds(1, 0), Replicas("new", *new), rows) == expected


@pytest.mark.parametrize(
    ("replicas", "surge", "sets", "sizes"),
    [
        pytest.param(15, 3, [("old", 8, 13), ("new", 5, 13)], {"old": 11, "new": 7}, id="up"),
        pytest.param(5, 3, [("old", 8, 13), ("new", 5, 13)], {"old": 5, "new": 3}, id="down"),
        pytest.param(0, 0, [("old", 8, 13), ("new", 5, 13)], {"old": 0, "new": 0}, id="to nothing"),
        pytest.param(10, 3, [("old", 8, 13), ("new", 5, 13)], {"old": 8, "new": 5}, id="not at all"),
        pytest.param(
            6, 0, [("old", 1, 3), ("mid", 1, 3), ("new", 1, 3)], {"old": 2, "mid": 2, "new": 2}, id="equal"
        ),
        pytest.param(4, 0, [("old", 1, 2), ("new", 1, 2)], {"old": 2, "new": 2}, id="doubled"),
        pytest.param(
            3, 0, [("old", 1, 0), ("new", 1, 0)], {"old": 1, "new": 2}, id="the leftover to the newest"
        ),
    ],
)
def test_a_new_size_is_shared_out_in_proportion(replicas, surge, sets, sizes):
    rows = [Replicas(name, wanted, wanted, most) for name, wanted, most in sets]
    assert shared_out(replicas, surge, rows, 2) == sizes
