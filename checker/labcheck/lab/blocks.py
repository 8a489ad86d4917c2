"""Fenced blocks of a Markdown page. One that opens with ```` ```sh run ```` is executed to prove the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labcheck.errors import AuthorError, did_you_mean

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`]*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, whether it is executed, its text without fences and its first line."""

    language: str
    run: bool
    text: str
    line: int


def blocks(path: Path, lines: Sequence[str], first_line: int) -> Iterator[Block]:
    """The fenced blocks of a page whose first line is number `first_line` of its file. Raises AuthorError."""
    opening: re.Match[str] | None = None
    start = 0
    for index, line in enumerate(lines):
        fence = _FENCE.match(line)
        if opening is None:
            opening, start = fence, index
        elif fence and len(fence["ticks"]) >= len(opening["ticks"]) and not fence["info"].strip():
            language, run = _info(path, start + first_line, opening["info"])
            indent = len(opening["indent"])
            text = "".join(
                f"{it[indent:] if it[:indent].isspace() else it}\n" for it in lines[start + 1 : index]
            )
            yield Block(language, run, text, start + first_line + 1)
            opening = None
    if opening is not None:
        raise AuthorError.at(path, start + first_line, "This fenced block is never closed.")


def _info(path: Path, line: int, info: str) -> tuple[str, bool]:
    language, *words = info.split() or [""]
    if "run" in words and language != "sh":
        raise AuthorError.at(path, line, f"Only `sh` blocks are executed, not `{language}`. Write ```sh run.")
    if language == "sh" and words not in ([], ["run"]):
        wrong = next(word for word in words if word != "run") if set(words) != {"run"} else "run run"
        raise AuthorError.at(path, line, f"A `sh` block knows no `{wrong}`. {did_you_mean(wrong, ['run'])}")
    return language, words == ["run"]
