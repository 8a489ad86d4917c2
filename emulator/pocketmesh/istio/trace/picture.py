"""A followed request as a picture: stations from top to bottom, for a page that may be light or dark.

Lengths are guessed from the number of characters, because nothing here measures a font.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from pocketmesh.istio.mesh.decide import Hop
from pocketmesh.istio.trace.report import Trace

_WIDTH: Final = 640
_MARGIN: Final = 16
_LINE: Final = 18
_GAP: Final = 28
_COLUMNS: Final = 78
_STYLE: Final = """\
.trace text{font:13px ui-sans-serif,system-ui,sans-serif;fill:currentColor}
.trace .at{font-weight:600}.trace .why{opacity:.75;font-size:12px}
.trace rect{fill:none;stroke:currentColor;stroke-opacity:.35}
.trace .mesh{stroke:#466bb0;stroke-opacity:1}.trace .bad{stroke:#c0392b;stroke-opacity:1}
.trace path{stroke:currentColor;fill:none;stroke-opacity:.6}"""
"""Of nothing else: within a page the style of a picture is the style of the page."""


def svg(trace: Trace) -> str:
    """The picture as an SVG document. It is as high as it needs to be, and says what it shows in words."""
    y, parts = _MARGIN, []
    stations = list(trace.stations())
    for index, (at, hops) in enumerate(stations):
        lines = list(_lines(hops))
        height = _LINE * (len(lines) + 1) + 14
        last = index == len(stations) - 1
        parts.append(_box(at, lines, y, height, bad=last and not trace.fine))
        y += height
        if not last:
            parts.append(_arrow(y))
            y += _GAP
    y += _LINE + 10
    parts.append(f'<text class="at" x="{_MARGIN}" y="{y}">{escape(trace.outcome)}</text>')
    title = escape(f"{trace.request} from {trace.client}: {trace.outcome}")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="trace" role="img"'
        f' viewBox="0 0 {_WIDTH} {y + _MARGIN}">'
        f"<title>{title}</title><style>{_STYLE}</style>{''.join(parts)}</svg>\n"
    )


def _lines(hops: list[Hop]) -> Iterator[tuple[str, str]]:
    for hop in hops:
        yield from (("did", part) for part in textwrap.wrap(hop.did, _COLUMNS))
        yield from (("why", part) for part in textwrap.wrap(hop.because, _COLUMNS + 4))


def _box(at: str, lines: list[tuple[str, str]], y: int, height: int, *, bad: bool) -> str:
    kind = "bad" if bad else "mesh" if at.startswith(("ztunnel", "waypoint", "Gateway")) else "plain"
    rows = [f'<text class="at" x="{_MARGIN + 12}" y="{y + 20}">{escape(at)}</text>']
    for index, (style, line) in enumerate(lines, start=1):
        position = f'x="{_MARGIN + 12}" y="{y + 20 + index * _LINE}"'
        rows.append(f'<text class="{style}" {position}>{escape(line)}</text>')
    size = f'width="{_WIDTH - 2 * _MARGIN}" height="{height}"'
    return f'<rect class="{kind}" x="{_MARGIN}" y="{y}" {size} rx="6"/>{"".join(rows)}'


def _arrow(y: int) -> str:
    x = _WIDTH // 2
    return f'<path d="M{x} {y + 3}V{y + _GAP - 4}m-5 -6l5 6l5 -6"/>'
