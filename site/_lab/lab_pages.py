"""Adds a page for each lab, and the list of them, to the site while mkdocs builds it.

One template renders every lab from its folder with the names that seed 1 draws, which are those of a plain
`labcheck up`. Nothing about a lab is written twice.
"""

from __future__ import annotations

from pathlib import Path

import jinja2
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from labcheck.lab.blocks import blocks
from labcheck.lab.find import lab_folders
from labcheck.lab.load import load
from labcheck.lab.pages import guide, solutions
from labcheck.lab.variant import Variant, variant

_HERE = Path(__file__).parent
_LABS = _HERE.parents[1] / "labs"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    variants = [variant(load(folder)) for folder in lab_folders(_LABS)]
    files.append(File.generated(config, "labs/index.md", content=render("labs.md.jinja", labs=variants)))
    for lab in variants:
        page = render("lab.md.jinja", variant=lab, guide=guide(lab), solutions=solutions(lab))
        files.append(File.generated(config, f"labs/{lab.lab.id}.md", content=page))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """A block that a test executes is for readers a block like any other; what it holds stays as it is."""
    lines = markdown.split("\n")
    for block in blocks(Path(page.file.src_uri), lines, 1):
        if block.run:
            lines[block.line - 2] = lines[block.line - 2].removesuffix(" run")
    return "\n".join(lines)


def render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = short
    return environment.get_template(template).render(values)


def short(lab: Variant) -> str:
    """`lab-03` of `lab-03-waypoint`: what a learner types."""
    return "-".join(lab.lab.id.split("-")[:2])
