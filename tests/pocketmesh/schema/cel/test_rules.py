"""How a rule judges a value, and in what words it refuses one."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pocketmesh.schema.cel import Rule, rule

DURATION = Rule("duration(self) >= duration('1ms')", "must be a valid duration greater than 1ms")
IMMUTABLE = Rule("self == oldSelf", "Value is immutable")


def test_a_rule_that_holds_says_nothing() -> None:
    assert Rule("self > 1").evaluate(2) is None


def test_a_broken_rule_gives_its_message() -> None:
    assert Rule("self > 1", " more than one \n").evaluate(1) == "more than one"


def test_a_broken_rule_without_message_gives_itself() -> None:
    assert Rule(" self > 1 ").evaluate(1) == "failed rule: self > 1"


def test_a_message_may_be_computed() -> None:
    computed = Rule("self > 1", "fallback", message_expression="'got ' + string(self)")
    assert computed.evaluate(1) == "got 1"


@pytest.mark.parametrize("expression", ["self.missing", "1", "''", "'two\\nlines'", "not CEL"])
def test_a_message_that_cannot_be_computed_gives_way_to_the_written_one(expression: str) -> None:
    assert Rule("self > 1", "fallback", message_expression=expression).evaluate(1) == "fallback"


def test_null_is_never_judged() -> None:
    assert Rule("false").evaluate(None) is None


@pytest.mark.parametrize(
    ("new", "old", "complaint"),
    [
        pytest.param("a", None, None, id="nothing to compare with on create"),
        pytest.param("a", "a", None, id="unchanged"),
        pytest.param("a", "b", "Value is immutable", id="changed"),
    ],
)
def test_a_rule_about_the_old_value_applies_when_there_is_one(
    new: str, old: str | None, complaint: str | None
) -> None:
    assert IMMUTABLE.evaluate(new, old) == complaint


def test_a_rule_may_ask_whether_there_is_an_old_value() -> None:
    once = Rule("!oldSelf.hasValue() || oldSelf.value() == self", "set once", optional_old_self=True)
    assert once.evaluate("a") is None
    assert once.evaluate("a", "b") == "set once"


@pytest.mark.parametrize(
    ("expression", "value", "complaint"),
    [
        ("self.a.b == 1", {"a": {}}, "no such key: b evaluating rule: m"),
        ("self[3] == 1", [1], "index out of bounds: 3 evaluating rule: m"),
        ("1 / self == 1", 0, "division by zero evaluating rule: m"),
        ("int(self) > 0", "x", "type conversion error from 'string' to 'int' evaluating rule: m"),
        (
            "self + 1 > 0",
            "x",
            "'no such overload': call arguments did not match a supported operator, function or macro"
            " signature for rule: m",
        ),
        ("nobody(self)", 1, "undeclared reference to 'nobody' evaluating rule: m"),
        ("url(self).getHost() == ''", 'no "url"', "URL parse error during conversion from string"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_a_fault_of_the_value(
    expression: str, value: Any, complaint: str
) -> None:
    assert (Rule(expression, "m").evaluate(value) or "").startswith(complaint)


def test_a_rule_that_is_no_expression_is_answered_as_such() -> None:
    assert (Rule("self +").evaluate(1) or "").startswith("rule compile error: ")


def test_an_empty_rule_is_answered_as_such() -> None:
    assert Rule(" ").evaluate(1) == "rule compile error: rule is not specified"


@pytest.mark.parametrize("text", ["1ms", "1h2m3.5s", ".5s", "100us1s", "+1m"])
def test_durations_are_written_as_in_go(text: str) -> None:
    assert DURATION.evaluate(text) is None


@pytest.mark.parametrize("text", ["", "1", "1d", "1s ", "1e3s", "s", "1.2.3s"])
def test_other_durations_are_refused_in_go_s_words(text: str) -> None:
    assert DURATION.evaluate(text) == (
        "type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule:"
        " must be a valid duration greater than 1ms"
    )


@pytest.mark.parametrize("text", ["0s", "-1s", "999us"])
def test_short_durations_are_refused_by_the_rule(text: str) -> None:
    assert DURATION.evaluate(text) == DURATION.message


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("has(self.a) == false", {}),
        ("has(self.a) == false", {"a": None}),
        ("has(self.a)", {"a": ""}),
        ("has(self.a) ? self.a > 1 : true", {}),
        ("type(self) == string ? self == '50%' : self == 50", "50%"),
        ("type(self) == string ? self == '50%' : self == 50", 50),
        ("'a' in self && !('b' in self)", {"a": 1}),
        ("self.all(k, k.startsWith('a'))", {"a": 1, "ab": 2}),
        ("self.exists_one(e, e.n == 1)", [{"n": 1}, {"n": 2}]),
        ("self.filter(e, e > 1).size() == 2", [1, 2, 3]),
        ("self.map(e, e * 2) == [2, 4]", [1, 2]),
        ("self.size() == 1 && size(self) == 1", "é"),
        ("self.matches('^.$')", "é"),
        ("size('size(self)') == 10", ""),
        ("self.a || self.b == 'no such key'", {"a": True}),
        ("self > 1", 1.5),
        ("self == 1.0", 1),
    ],
)
def test_values_are_seen_as_kubernetes_shows_them(expression: str, value: Any) -> None:
    assert Rule(expression).evaluate(value) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("self.__namespace__ == 'x' && has(self.__namespace__)", {"namespace": "x"}),
        ("self.a__dash__b == 1", {"a-b": 1}),
        ("self.a__dot__b__slash__c == 1", {"a.b/c": 1}),
        ("self.a__underscores__b == 1", {"a__b": 1}),
        ("self.all(e, e.__in__ == 1)", [{"in": 1}]),
        ("'a__dash__b' in self.names", {"names": ["a__dash__b"]}),
    ],
)
def test_field_names_that_are_no_identifiers_are_written_escaped(expression: str, value: Any) -> None:
    assert Rule(expression).evaluate(value) is None


def test_a_rule_is_read_from_its_document() -> None:
    document = {"rule": "r", "message": "m", "messageExpression": "e", "reason": "FieldValueForbidden"}
    assert rule({**document, "fieldPath": ".f", "optionalOldSelf": True}) == Rule(
        "r", "m", "e", "FieldValueForbidden", ".f", True
    )
    assert rule({"rule": "r"}) == Rule("r", reason="FieldValueInvalid")


def test_judging_a_rule_does_not_load_the_library_s_command_line() -> None:
    script = (
        "import sys; from pocketmesh.schema.cel import Rule;"
        "assert Rule('self.size() == 1').evaluate('a') is None;"
        "print(*sorted({'cel', 'typer', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
