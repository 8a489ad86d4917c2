"""GitHub Classroom: what `classroom-resources/autograding-grading-reporter` reads as a step's `result`.

    - id: lab-03
      run: echo "result=$(labcheck grade lab-03 --format classroom)" >> "$GITHUB_OUTPUT"
    - uses: classroom-resources/autograding-grading-reporter@v1
      env: {LAB-03_RESULTS: "${{ steps.lab-03.outputs.result }}"}
      with: {runners: lab-03}

It is the Base64 of JSON with `status` (pass, fail or error), `max_score` and `tests`, whose scores are added
up. Source: that repository, src/main.js and src/notify-classroom.js.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from labcheck.checks.verdict import Outcome
from labcheck.grading.formats.words import lines, place
from labcheck.grading.report import Report, TaskResult

_RESULTS = {"passed": "pass", "not yet": "fail", "ungradable": "error"}
_OUTCOMES = {Outcome.PASS: "pass", Outcome.UNGRADABLE: "error"}


def classroom(report: Report) -> str:
    """The report as one word."""
    return base64.b64encode(json.dumps(payload(report)).encode()).decode()


def payload(report: Report) -> dict[str, Any]:
    """The report as the reporter's JSON."""
    return {
        "version": 1,
        "status": _RESULTS[report.result],
        "max_score": report.points,
        "tests": [_test(report.lab, task) for task in report.tasks],
    }


def _test(lab: str, task: TaskResult) -> dict[str, Any]:
    name, line = place(task)
    return {
        "name": f"{lab}: {task.claim}",
        "status": _OUTCOMES.get(task.outcome, "fail"),
        "score": task.score,
        "max_score": task.points,
        "message": "\n".join(lines(task)),
        "test_code": f"labcheck grade {lab}",
        "filename": name,
        "line_no": line,
        "duration": round(task.seconds * 1000),
    }
