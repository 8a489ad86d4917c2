from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.schema.cel.program import compiled
from pocketmesh.schema.cel.source import fields, reduced

OBJECT = {"a": {"b": {"c": 1, "d": 2}, "namespace": "x"}, "e": [1], "f": 3}


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        pytest.param("self.a.b.c == 1", {"a": {"b": {"c": 1}}}, id="a path"),
        pytest.param("self.a.b.c + self.f == 1", {"a": {"b": {"c": 1}}, "f": 3}, id="two paths"),
        pytest.param("self.a.b['c'] == 1", {"a": {"b": {"c": 1, "d": 2}}}, id="a path up to a key"),
        pytest.param("self.e.size() == 1 && self . f == 3", {"e": [1], "f": 3}, id="a path up to a method"),
        pytest.param("has(self.a.missing)", {"a": {}}, id="a path that is not there"),
        pytest.param("self.a.__namespace__ == 'x'", {"a": {"namespace": "x"}}, id="a path that is escaped"),
        pytest.param("self.?a.b.hasValue()", OBJECT, id="an optional field"),
        pytest.param("self == null || self.f == 3", {"f": 3}, id="whether there is one"),
        pytest.param("self == self.f", OBJECT, id="the whole"),
        pytest.param("[self].exists(it, it.f == 3)", OBJECT, id="the whole by another name"),
        pytest.param("other.self == 'self.a'", OBJECT, id="what only looks like it"),
    ],
)
def test_an_expression_is_shown_what_it_looks_at(expression: str, left: Any) -> None:
    assert reduced(OBJECT, fields(expression).get("self", {()})) == left


def test_what_is_left_out_is_not_missed() -> None:
    variables = {"object": OBJECT, "oldObject": None}
    assert compiled("oldObject == null && object.a.b.c == 1 && has(object.f)").evaluate(variables) is True
