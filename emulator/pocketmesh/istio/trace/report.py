"""A followed request as data and as text; the picture has a module of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from pocketmesh.istio.mesh.decide import Hop


@dataclass(frozen=True, slots=True)
class Trace:
    """`client` sent `request` (`GET http://…`); `outcome` is what it saw, `fine` whether that was an answer
    below 400."""

    client: str
    request: str
    hops: tuple[Hop, ...]
    outcome: str
    fine: bool

    def stations(self) -> Iterator[tuple[str, list[Hop]]]:
        """Where the request came by, in order, with what was done there."""
        for at, hops in groupby(self.hops, key=lambda hop: hop.at):
            yield at, list(hops)

    def data(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


def text(trace: Trace) -> str:
    """The trace for a terminal: a block for each station, the object behind a step after a dash."""
    lines = [f"{trace.request}  from {trace.client}", ""]
    for at, hops in trace.stations():
        lines.append(f"  {at}")
        lines += [f"    {hop.did}{_why(hop)}" for hop in hops]
    lines += ["", f"  {trace.outcome}"]
    return "\n".join(lines) + "\n"


def _why(hop: Hop) -> str:
    return f"  ({hop.because})" if hop.because else ""
