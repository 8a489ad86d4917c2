"""Mistakes made by machine: the reference solution with one thing spoilt.

A spoilt answer that still scores everything shows a hole in the checks. What would mean the same as the
reference, such as weights 9 to 1 for 90 to 10, is not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from labcheck.authoring.spoil import spoilt_manifests
from labcheck.lab.pages import Page

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_WRITES = re.compile(
    r"\bkubectl\s+(?:-\S+\s+|\S+=\S+\s+)*"
    r"(?:apply|annotate|create|delete|expose|label|patch|replace|rollout\s+(?:restart|undo)|run|scale|set)\b"
    r"|\bistioctl\s+(?:install|uninstall|waypoint\s+(?:apply|delete)|tag\s+set)\b"
)
_WAITS = re.compile(r"\bkubectl\s+(?:\S+\s+)*?(?:wait|rollout\s+status)\b")
_LABELS = re.compile(r"(?<=\s)([\w./-]+)=([\w.-]+)(?=\s|$)")
_PATIENCE = "5s"


def mutants(reference: Page) -> Iterator[tuple[str, Page]]:
    """Each way to spoil the page: what was done to it, and the page."""
    pieces = [commands(block.text) for block in reference.runs]
    for number, block in enumerate(pieces):
        for position, command in enumerate(block):
            for what, spoilt in _spoilt(command):
                changed = [*block[:position], *spoilt, *block[position + 1 :]]
                yield what, _page(reference, [*pieces[:number], changed, *pieces[number + 1 :]])


def commands(text: str) -> list[str]:
    """The commands of a block, each with its here-document and with the lines that it continues on."""
    found: list[str] = []
    current, end = "", ""
    for line in text.splitlines(keepends=True):
        current += line
        if end:
            end = "" if line.strip() == end else end
        elif heredoc := _HEREDOC.search(line):
            end = heredoc[2]
        if not end and not line.rstrip("\n").endswith("\\"):
            found.append(current)
            current = ""
    return [*found, current] if current else found


def _spoilt(command: str) -> Iterator[tuple[str, list[str]]]:
    if not _WRITES.search(command):
        return
    first, _, rest = command.partition("\n")
    heredoc = _HEREDOC.search(first)
    if heredoc:
        end = heredoc[2]
        body = rest[: rest.rindex(end)]
        for what, manifests in spoilt_manifests(_objects(body)):
            yield (
                what,
                [f"{first}\n{yaml.safe_dump_all(manifests, sort_keys=False)}{end}\n"] if manifests else [],
            )
        return
    yield f"without `{_short(command)}`", []
    if re.search(r"\bkubectl\s+label\b", command):
        for label in _LABELS.finditer(command):
            if not label[1].startswith("-"):
                wrong = f"{command[: label.start(2)]}{label[2]}-2{command[label.end(2) :]}"
                yield f"label {label[1]}={label[2]}-2", [wrong]


def _objects(text: str) -> list[Any]:
    try:
        return [it for it in yaml.safe_load_all(text) if isinstance(it, dict)]
    except yaml.YAMLError:
        return []


def _page(reference: Page, pieces: list[list[str]]) -> Page:
    blocks = [
        replace(block, text="".join(map(_hurried, piece)))
        for block, piece in zip(reference.runs, pieces, strict=True)
    ]
    return Page(reference.path, reference.markdown, tuple(block for block in blocks if block.text.strip()))


def _hurried(command: str) -> str:
    """Waiting for what a spoilt answer never becomes is cut short, and no reason to stop."""
    if not _WAITS.search(command):
        return command
    text = re.sub(r"\s--timeout[= ]\S+", "", command.rstrip("\n"))
    return f"{text} --timeout={_PATIENCE} || true\n"


def _short(command: str) -> str:
    text = " ".join(command.replace("\\\n", " ").split())
    return text if len(text) <= 60 else f"{text[:59]}…"
