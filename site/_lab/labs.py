"""A lab's accepted ways as tabs, named after the programs that they are worked with."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from labcheck.lab.pages import Page, solutions
from labcheck.lab.variant import Variant

_TOOLS = {"helm": "Helm", "istioctl": "istioctl"}
"""Programs that make another way of it; without one it is kubectl's."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One way: what stands on its tab, and the page."""

    label: str
    page: Page


def tabs(variant: Variant) -> list[Tab]:
    """The reference first. A tool that several ways use is told apart by the names of their files."""
    pages = solutions(variant)
    tools = [tool(page) for page in pages]
    often = Counter(tools)
    return [
        Tab(name if often[name] == 1 else f"{name}: {_way(page)}", page)
        for name, page in zip(tools, pages, strict=True)
    ]


def tool(page: Page) -> str:
    """The program that does the work on this page."""
    commands = {word for block in page.runs for word in re.findall(r"^\s*([\w-]+)", block.text, re.MULTILINE)}
    return next((name for command, name in _TOOLS.items() if command in commands), "kubectl")


def _way(page: Page) -> str:
    return "the reference" if page.path.name == "solution.md" else page.path.stem.replace("-", " ")
