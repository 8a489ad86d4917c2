"""URL globbing: `http://x/{a,b}/[1-300]` is many URLs. Pure; follows src/tool_urlglob.c of curl."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product

_PART = re.compile(r"\{([^{}]*)\}|\[(\d+)-(\d+)(?::(\d+))?\]|\[([A-Za-z])-([A-Za-z])(?::(\d+))?\]")


def expand(url: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every URL that a pattern stands for, with what took the place of each part (`#1` in -o)."""
    parts = list(_PART.finditer(url))
    fixed = [
        url[a:b]
        for a, b in zip([0, *(p.end() for p in parts)], [*(p.start() for p in parts), len(url)], strict=True)
    ]
    for chosen in product(*(_choices(part) for part in parts)):
        pieces = [fixed[0]]
        for value, text in zip(chosen, fixed[1:], strict=True):
            pieces += [value, text]
        yield "".join(pieces), chosen


def _choices(part: re.Match[str]) -> Sequence[str]:
    words, first, last, step, letter, last_letter, letter_step = part.groups()
    if words is not None:
        return words.split(",")
    if letter is not None:
        return [chr(code) for code in range(ord(letter), ord(last_letter) + 1, int(letter_step or 1))]
    width = len(first) if first.startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(int(first), int(last) + 1, int(step or 1))]


def file_name(pattern: str, chosen: Sequence[str]) -> str:
    """An -o argument with `#1`, `#2`… replaced."""

    def replace(match: re.Match[str]) -> str:
        index = int(match.group(1)) - 1
        return chosen[index] if 0 <= index < len(chosen) else match.group(0)

    return re.sub(r"#(\d+)", replace, pattern)
