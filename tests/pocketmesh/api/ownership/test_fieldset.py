"""Sets of fields obey the laws of sets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketmesh.api.ownership.fieldset import difference, intersection, ordered, paths, union


def made(members: set[tuple[str, ...]]) -> dict[str, Any]:
    """The set of the given paths."""
    tree: dict[str, Any] = {}
    for path in members:
        below = tree
        for element in path:
            below = below.setdefault(f"f:{element}", {})
        below["."] = {}
    return _plain(tree)


def _plain(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: {} if below == {".": {}} else _plain(below) for name, below in tree.items()}


def members(fields: dict[str, Any]) -> set[tuple[str, ...]]:
    return {tuple(path.split(".")[1:]) for path in paths(fields)}


PATHS = st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple), max_size=6)


@given(PATHS)
def test_a_set_holds_what_it_was_made_of(one):
    assert members(made(one)) == one


@given(PATHS, PATHS)
def test_operations_are_those_of_sets(one, two):
    left, right = made(one), made(two)
    assert members(union(left, right)) == one | two
    assert members(difference(left, right)) == one - two
    assert members(intersection(left, right)) == one & two


@given(PATHS, PATHS)
def test_equal_sets_look_the_same(one, two):
    assert union(made(one), made(two)) == union(made(two), made(one)) == made(one | two)
    assert difference(made(one), made(two)) == made(one - two)


@given(PATHS, PATHS)
def test_equal_sets_are_written_alike_however_they_came_about(one, two):
    assert json.dumps(ordered(union(made(one), made(two)))) == json.dumps(ordered(made(two | one)))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"f:spec": {"f:replicas": {}}}, ".spec.replicas"),
        ({"f:c": {'k:{"name":"x"}': {"f:image": {}}}}, '.c[name="x"].image'),
        ({"f:p": {'k:{"containerPort":80,"protocol":"TCP"}': {}}}, '.p[containerPort=80,protocol="TCP"]'),
        ({"f:finalizers": {'v:"a"': {}}}, '.finalizers[="a"]'),
    ],
)
def test_paths_are_written_as_errors_write_them(fields, path):
    assert list(paths(fields)) == [path]
