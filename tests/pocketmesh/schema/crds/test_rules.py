"""Every rule of the definitions, judged by an independent implementation of CEL too.

The values are those that the manifests hold at the places that the rules speak of.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml

from pocketmesh.schema.cel.errors import EvaluationError
from pocketmesh.schema.cel.program import compiled
from pocketmesh.schema.kind import Kind
from pocketmesh.schema.prepare import prepare
from pocketmesh.schema.structural import Schema

MANIFESTS = Path(__file__).parent / "manifests"
FindKind = Callable[[str, str], Kind]


def _is_ip(text: str) -> celpy.celtypes.BoolType:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return celpy.celtypes.BoolType(False)
    return celpy.celtypes.BoolType(True)


FUNCTIONS = {
    "isIP": _is_ip,
    "split": lambda text, by: celpy.json_to_cel(str(text).split(str(by))),
    "substring": lambda text, start, end=None: celpy.celtypes.StringType(
        str(text)[int(start) : end and int(end)]
    ),
}
# Go's notion of a URL is nothing that a second implementation in a test would make any surer, and the oracle
# indexes no string, so that a slice beyond its end is no error there.
LEFT_OUT = ("url(", "isURL(", "substring(7, 8)")
# To the oracle a duration may have days, or be a number of seconds; Go knows neither.
TOO_LENIENT = ("duration(self) >= duration('1ms')", ("1d", 10))


@pytest.fixture(scope="module")
def judged(our_kind: FindKind) -> dict[str, dict[str, Any]]:
    """The values that each rule was asked about, by rule and by how JSON writes them."""
    found: dict[str, dict[str, Any]] = {}
    for page in sorted(MANIFESTS.glob("*.yaml")):
        document = yaml.safe_load(page.read_text())
        kind = our_kind(document["apiVersion"], document["kind"])
        for case in document["cases"]:
            obj = {"metadata": {"name": "a"}, **{key: case[key] for key in ("spec", "status") if key in case}}
            for expression, value in _asked(kind.schema, prepare(kind, obj).object):
                found.setdefault(expression, {})[json.dumps(value, sort_keys=True)] = value
    return found


def _asked(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    if value is None or not schema.has_rules:
        return
    for rule in schema.rules:
        yield rule.expression, value
    if isinstance(value, list) and schema.items:
        for item in value:
            yield from _asked(schema.items, item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if field := schema.field(name):
                yield from _asked(field, item)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        names = {"namespace": "__namespace__"}
        return {names.get(key, key): _escaped(item) for key, item in value.items() if item is not None}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _outcome(evaluate: Callable[[], Any]) -> object:
    try:
        return bool(evaluate())
    except (EvaluationError, celpy.CELEvalError):
        return "no value"


def test_each_rule_says_what_another_implementation_says(judged: dict[str, dict[str, Any]]) -> None:
    environment = celpy.Environment()
    differences = []
    for expression, values in judged.items():
        if "oldSelf" in expression or any(call in expression for call in LEFT_OUT):
            continue
        theirs = environment.program(environment.compile(expression), functions=FUNCTIONS)
        for value in values.values():
            context = {"self": celpy.json_to_cel(_escaped(value))}
            their = _outcome(lambda run=theirs, context=context: run.evaluate(context))
            our = _outcome(
                lambda expression=expression, value=value: compiled(expression).evaluate({"self": value})
            )
            lenient = expression == TOO_LENIENT[0] and value in TOO_LENIENT[1]
            if our != their and not lenient:
                differences.append((expression, value, our, their))
    assert not differences


def test_each_rule_was_asked_about_something(
    judged: dict[str, dict[str, Any]], ours: list[dict[str, Any]]
) -> None:
    def rules(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from (rule["rule"] for rule in schema.get("x-kubernetes-validations", ()))
            for child in schema.values():
                yield from rules(child)

    assert set(judged) == {
        rule for crd in ours for version in crd["spec"]["versions"] for rule in rules(version)
    }
