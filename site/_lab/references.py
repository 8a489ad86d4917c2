"""The reference pages: what the code says of itself, so that it cannot say something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from commands import commands
from fixtures import FIXTURES, described
from schemas import model_schema, tables
from templates import render

from labcheck.lab.curriculum import CURRICULUM, Domain
from labcheck.lab.model import Lab

_REPORT = files("labcheck.grading") / "report.schema.json"


def references() -> dict[str, str]:
    """The files of the section, by path."""
    lab, report = model_schema(Lab), json.loads(_REPORT.read_text(encoding="utf-8"))
    return {
        "reference/cli.md": render("commands.md.jinja", commands=commands()),
        "reference/lab.md": _schema("lab.yaml", "lab.schema.json", lab, CURRICULUM),
        "reference/checks.md": render("fixtures.md.jinja", fixtures=FIXTURES, described=described),
        "reference/report.md": _schema("The report", "report.schema.json", report),
        "reference/lab.schema.json": json.dumps(lab, indent=2),
        "reference/report.schema.json": json.dumps(report, indent=2),
    }


def _schema(title: str, file: str, schema: dict[str, Any], domains: Sequence[Domain] = ()) -> str:
    return render(
        "schema.md.jinja", title=title, file=file, schema=schema, tables=tables(schema), domains=domains
    )
