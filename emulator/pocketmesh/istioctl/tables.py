"""Tables as Go's text/tabwriter lines them up: columns as wide as their widest cell and some spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[str]], padding: int = 5) -> str:
    """The rows, the first of which is the heading; what stands last in a row is not padded."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) + padding for column in zip(*(line[:-1] for line in lines), strict=True)]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True)) + line[-1]
        for line in lines
    )
