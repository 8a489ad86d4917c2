from __future__ import annotations

import pytest

from pocketmesh.controllers.rollout import Bounds, Replicas, bounds, new_size, old_sizes


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
