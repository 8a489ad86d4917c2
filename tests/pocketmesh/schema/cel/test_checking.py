"""What an expression is told before it is ever evaluated."""

from __future__ import annotations

import pytest

from pocketmesh.schema.cel.checking import problem
from pocketmesh.schema.structural import parse

SCHEMA = parse(
    {
        "type": "object",
        "properties": {
            "size": {"type": "integer"},
            "port": {"type": "object", "properties": {"name": {"type": "string"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
)


@pytest.mark.parametrize(
    "expression",
    [
        "self.size > 1",
        "self.tags.all(tag, tag.startsWith('a') && self.size > 1)",
        "self.tags.map(tag, tag.size() > 1, tag).size() == 1",
        "self.labels.anything == 'x'",
        "self.any.deep.down == 1",
        "has(self.port.name) && type(self.size) == int",
        "self.port.name == 'self.nothing'",
        "oldSelf.size <= self.size",
        "duration('1h') > duration('1m') && isURL('http://a') && quantity('1').isInteger()",
        "self.tags.exists_one(tag, tag == 'a') ? self.port.name.split('-')[0] == 'a' : true",
    ],
)
def test_nothing_is_wrong_with(expression):
    assert problem(expression, {"self", "oldSelf"}, SCHEMA) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "rule is not specified"),
        ("self.siez > 1", "<input>:1:5: undefined field 'siez'\n | self.siez > 1\n | ....^"),
        ("true &&\n  self.port.nmae == ''", "<input>:2:12: undefined field 'nmae'"),
        (
            "sefl.size > 1",
            "<input>:1:1: undeclared reference to 'sefl' (in container '')\n | sefl.size > 1\n | ^",
        ),
        ("self.size > limit", "<input>:1:13: undeclared reference to 'limit' (in container '')"),
        ("self.size >", "compilation failed: ERROR: <input>:1:12: Syntax error"),
    ],
)
def test_what_is_wrong_is_located(expression, said):
    assert said in (problem(expression, {"self", "oldSelf"}, SCHEMA) or "")
