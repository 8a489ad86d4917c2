"""JUnit XML: a suite for the lab, a case for each task.

The dialect is the one that Jenkins, GitLab and GitHub's report actions read: a failed task is a `failure`, a
blocked one `skipped`, an ungradable one an `error`. Points, which JUnit does not know, are properties.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from labcheck.checks.verdict import Outcome
from labcheck.grading.formats.words import changes, lines
from labcheck.grading.report import Report, TaskResult

_ELEMENTS = {Outcome.FAIL: "failure", Outcome.BLOCKED: "skipped", Outcome.UNGRADABLE: "error"}
# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The report as a JUnit document."""
    outcomes = [task.outcome for task in report.tasks]
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count(Outcome.FAIL)),
        "errors": str(outcomes.count(Outcome.UNGRADABLE)),
        "skipped": str(outcomes.count(Outcome.BLOCKED)),
        "time": f"{report.seconds:.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "labcheck", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": report.lab, **counts})
    facts = {"score": report.score, "points": report.points, "result": report.result}
    _properties(suite, {**facts, "seed": report.seed, "provider": report.provider})
    for task in report.tasks:
        _case(suite, report.lab, task)
    changed = "\n".join(f"{heading}\n{details}" for heading, details in changes(report))
    if changed:
        ElementTree.SubElement(suite, "system-out").text = _clean(changed)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _case(suite: ElementTree.Element, lab: str, task: TaskResult) -> None:
    about = {"classname": lab, "name": f"{task.id}: {_clean(task.claim)}", "time": f"{task.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", about)
    _properties(case, {"score": task.score, "points": task.points})
    if task.outcome in _ELEMENTS:
        said = list(lines(task))
        message = {"message": _clean(said[0])} if said else {}
        element = ElementTree.SubElement(case, _ELEMENTS[task.outcome], message)
        element.text = _clean("\n".join([*said, task.where] if task.where else said))


def _properties(parent: ElementTree.Element, facts: dict[str, object]) -> None:
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": str(value)})


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
