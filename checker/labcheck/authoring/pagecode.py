"""What is wrong with a lab's pages once they can be read: links, and blocks that do not run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from labcheck.errors import AuthorError, Problem
from labcheck.lab.blocks import Block
from labcheck.lab.load import LoadedLab
from labcheck.lab.pages import Page
from labcheck.yamltext import documents

_LINK = re.compile(r"\[[^\]\n]*\]\(<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
_SHELLS = frozenset({"sh", "bash", "shell", "console"})
_NOT_RUN = re.compile(r"\bnot (be )?run\b", re.IGNORECASE)
_NONE_IS_RUN = re.compile(r"\bnone of th(is is|ese are) run\b", re.IGNORECASE)
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def page_problems(page: Page, *, all_run: bool) -> Iterator[Problem]:
    """What is wrong with a page.

    With `all_run` each of its `sh` blocks must be marked to run, else it must say which are not.
    """
    if not page.runs:
        yield Problem(page.path, 0, "No block of this page is executed: open one with ```sh run.")
    if not all_run:
        for block in unproven(page.markdown.split("\n"), page.blocks, page.first_line):
            text = "Open this block with ```sh run, or say right before it that it is not run, and why."
            yield Problem(page.path, block.line - 1, text)
    for block in page.blocks:
        if all_run and block.language == "sh" and not block.run:
            text = "This block is not executed: open it with ```sh run, or with ```text if it is output."
            yield Problem(page.path, block.line - 1, text)
        if block.language in {"yaml", "yml"}:
            try:
                documents(page.path, "\n" * (block.line - 1) + block.text)
            except AuthorError as error:
                yield from error.problems
    for line, target in _links(page):
        wrong = link_problem(page.path.parent, target)
        if wrong:
            yield Problem(page.path, line, wrong)


def unproven(lines: Sequence[str], found: Iterable[Block], first_line: int = 1) -> Iterator[Block]:
    """The shell blocks of a page that nobody executes, and of which it does not say so.

    It does where the paragraph right before says "not run", or the section "None of this is run".
    """
    for block in found:
        if block.language in _SHELLS and not block.run:
            section = _HEADING.split("\n".join(lines[: block.line - first_line - 1]).rstrip())[-1]
            paragraph = section.rpartition("\n\n")[2]
            if not (_NOT_RUN.search(_plain(paragraph)) or _NONE_IS_RUN.search(_plain(section))):
                yield block


def _plain(text: str) -> str:
    return " ".join(text.split())


def docs_problems(loaded: LoadedLab) -> Iterator[Problem]:
    """Links to documentation that lead nowhere."""
    for index, task in enumerate(loaded.lab.tasks):
        for position, url in enumerate(task.docs):
            if wrong := _url_problem(url):
                line = loaded.document.line(("tasks", index, "docs", position))
                yield Problem(loaded.document.path, line, wrong)


def link_problem(folder: Path, target: str) -> str:
    """What is wrong with a link of a page in `folder`; nothing for a place within the page."""
    if target.startswith("#"):
        return ""
    if ":" in target.partition("/")[0]:
        return "" if target.startswith("mailto:") else _url_problem(target)
    path = target.partition("#")[0]
    return "" if (folder / path).exists() else f"This links to `{path}`, which does not exist."


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = (
            parts.scheme == "https" and _HOST.fullmatch(parts.hostname or "") and not re.search(r"\s", url)
        )
    except ValueError:
        sound = None
    return "" if sound else f"`{url}` is not the address of a page: https://host/…"


def _links(page: Page) -> Iterator[tuple[int, str]]:
    for number, line in _prose(page):
        for link in _LINK.finditer(line):
            yield number, link[1]


def _prose(page: Page) -> Iterator[tuple[int, str]]:
    """The numbered lines outside of fenced blocks."""
    lines: Sequence[str] = page.markdown.split("\n")
    first = page.first_line
    code = {
        number
        for block in page.blocks
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1)
    }
    return ((number, line) for number, line in enumerate(lines, first) if number not in code)
