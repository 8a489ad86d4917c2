"""The Jinja templates beside this file, and the words that they share."""

from __future__ import annotations

import inspect
from pathlib import Path

import jinja2
from markdown.extensions.toc import slugify

from labcheck.cli.options import short_name
from labcheck.lab.variant import Variant


def render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = short
    environment.filters["cell"] = cell
    environment.filters["anchor"] = anchor
    environment.filters["doc"] = inspect.getdoc
    return environment.get_template(template).render(values)


def short(lab: Variant) -> str:
    """`lab-03` of `lab-03-waypoint`: what a learner types."""
    return short_name(lab.lab.id)


def anchor(heading: str) -> str:
    """Where a heading of a page is found: what `toc` makes of it."""
    return slugify(heading, "-")


def cell(text: str) -> str:
    """Text for a cell of a table: on one line, its bars no borders."""
    return " ".join(text.split()).replace("|", "\\|")
