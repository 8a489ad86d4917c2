"""Reports for other programs, against what those programs say about their formats."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from labcheck.checks.differences import Difference
from labcheck.checks.verdict import Evidence, Outcome, Part, Tampering
from labcheck.grading.formats.classroom import classroom
from labcheck.grading.formats.github import github
from labcheck.grading.formats.junit import junit
from labcheck.grading.report import Report, TaskResult

DIFFERENCE = Difference("spec.weight", "10", "30")
REPORT = Report(
    lab="lab-03-waypoint",
    title="A waypoint",
    seed=1,
    provider="embedded",
    seconds=1.25,
    tasks=(
        TaskResult("a", "A", 2, 2, Outcome.PASS, "It is.", Evidence(), ("seen",), "", 0.1, ("https://x",)),
        TaskResult(
            id="b",
            title="B",
            points=4,
            score=1,
            outcome=Outcome.FAIL,
            claim="100 % of <it>, at once: so.",
            evidence=Evidence("x: 1", "2\x00\n3", "Why.", "kubectl get all", "x", (DIFFERENCE,)),
            notes=(),
            where="test_lab.py:12",
            seconds=0.5,
            docs=(),
            parts=(Part(1, "half"),),
        ),
        TaskResult("c", "C", 2, 0, Outcome.BLOCKED, "Then.", Evidence(why="needs: b"), (), "", 0.0, ()),
        TaskResult("d", "D", 2, 0, Outcome.UNGRADABLE, "Or.", Evidence(observed="Gone."), (), "", 0.0, ()),
    ),
    tampering=(Tampering("Service n/s", ("c",), (DIFFERENCE,)),),
)


@pytest.fixture
def schema() -> Any:
    return json.loads(files("labcheck.grading").joinpath("report.schema.json").read_text(encoding="utf-8"))


def test_the_json_is_what_its_schema_says(schema: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(REPORT.to_json())), schema)


def test_the_schema_knows_every_field(schema: Any) -> None:
    def unknown(data: Any, node: Mapping[str, Any], place: str) -> list[str]:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        if isinstance(data, dict):
            absent = [f"{place}.{key}" for key in data if key not in node["properties"]]
            inner = [it for it in data if it in node["properties"]]
            return absent + [
                u for it in inner for u in unknown(data[it], node["properties"][it], f"{place}.{it}")
            ]
        if isinstance(data, list):
            return [u for item in data for u in unknown(item, node["items"], f"{place}[]")]
        return []

    assert unknown(json.loads(json.dumps(REPORT.to_json())), schema, "") == []


def test_junit_counts_and_says_what_went_wrong() -> None:
    suite = ElementTree.fromstring(junit(REPORT)).find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "1", "1"]
    failure = suite.find("testcase[2]/failure")
    assert failure is not None
    assert failure.text == (
        "expected: x: 1\nobserved: 2\ufffd\n3\nspec.weight: 10 expected, 30 observed\n"
        "why: Why.\nnext: kubectl get all\ntest_lab.py:12"
    )
    facts = {it.get("name"): it.get("value") for it in suite.findall("properties/property")}
    assert facts == {
        "score": "3", "points": "10", "result": "ungradable", "seed": "1", "provider": "embedded"
    }  # fmt: skip


def test_github_is_told_each_task_that_did_not_pass_at_its_line() -> None:
    commands = github(REPORT, Path("labs/lab-03-waypoint")).splitlines()
    assert [it.split(" ")[0] for it in commands] == [
        "::error",
        "::error",
        "::notice",
        "::warning",
        "::notice",
    ]
    assert commands[1].startswith(
        "::error file=labs/lab-03-waypoint/test_lab.py,line=12,title=1/4 100 %25 of <it>%2C at once%3A so."
        "::expected: x: 1%0Aobserved: 2\x00%0A3%0A"
    )


def test_classroom_is_told_points_as_they_are_split() -> None:
    payload = json.loads(base64.b64decode(classroom(REPORT)))
    assert (payload["version"], payload["status"], payload["max_score"]) == (1, "error", 10)
    assert [(it["status"], it["score"]) for it in payload["tests"]] == [
        ("pass", 2),
        ("fail", 1),
        ("fail", 0),
        ("error", 0),
    ]
    assert payload["tests"][1]["filename"] == "test_lab.py"
    assert payload["tests"][1]["line_no"] == 12


def test_classroom_is_one_word() -> None:
    assert len(classroom(replace(REPORT, title="a\nb")).split()) == 1
