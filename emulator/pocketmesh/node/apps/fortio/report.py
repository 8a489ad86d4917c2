"""What fortio prints of a run. Pure.

Upstream: fortio.org/fortio stats/stats.go and periodic/periodic.go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import sqrt
from typing import Final

_STEPS: Final = (
    *range(1, 13),
    *range(14, 21, 2),
    *range(25, 51, 5),
    *range(60, 101, 10),
    *range(120, 201, 20),
    *range(250, 501, 50),
    *range(600, 1001, 100),
    *range(2000, 10001, 1000),
    *range(20000, 100001, 10000),
)
_RESOLUTION: Final = 0.001
_PERCENTILES: Final = (50.0, 75.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: its status (-1 without an answer), its seconds, and the bytes of the answer."""

    status: int
    seconds: float
    head: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over."""

    samples: Sequence[Sample]
    seconds: float
    threads: int
    sockets: int
    warmup: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """The values above `low` up to `high`; `percent` are those up to here, of all."""

    low: float
    high: float
    percent: float
    count: int


def buckets(values: Sequence[float]) -> list[Bucket]:
    """The values in fortio's steps of milliseconds, the first and the last cut to what there is."""
    if not values:
        return []
    bounds = [step * _RESOLUTION for step in _STEPS]
    counts = Counter(bisect_left(bounds, value) for value in values)
    found: list[Bucket] = []
    reached = 0
    for place in sorted(counts):
        reached += counts[place]
        low = bounds[place - 1] if found else min(values)
        high = bounds[place] if reached < len(values) else max(values)
        found.append(Bucket(low, high, 100 * reached / len(values), counts[place]))
    return found


def percentile(parts: Sequence[Bucket], percent: float) -> float:
    """The value that so many percent do not exceed, straight between the ends of its bucket."""
    before = 0.0
    for part in parts:
        if percent <= part.percent:
            return part.low + (part.high - part.low) * (percent - before) / (part.percent - before)
        before = part.percent
    return parts[-1].high if parts else 0.0


def counter(name: str, values: Sequence[float]) -> str:
    """One line about values."""
    if not values:
        return f"{name} : no data\n"
    total, count = sum(values), len(values)
    mean = total / count
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / count)
    extremes = f"min {min(values):.9g} max {max(values):.9g} sum {total:.9g}"
    return f"{name} : count {count} avg {mean:.8g} +/- {deviation:.4g} {extremes}\n"


def text(run: Run, *, quiet: bool) -> str:
    """The report of a run; a quiet one is shorter."""
    spent = [sample.seconds for sample in run.samples]
    failed = [sample.seconds for sample in run.samples if not 200 <= sample.status < 300]
    rate = len(spent) / run.seconds if run.seconds else 0.0
    parts = buckets(spent)
    lines = [f"# target {percent:g}% {percentile(parts, percent):.6g}\n" for percent in _PERCENTILES if spent]
    shown = counter("Aggregated Function Time", spent) + ("" if quiet else _histogram(parts)) + "".join(lines)
    ended = "" if quiet else f"Ended after {_duration(run.seconds)} : {len(spent)} calls. qps={rate:.5g}\n"
    errors = counter("Error cases", failed)
    sockets = f"Sockets used: {run.sockets} (for perfect keepalive, would be {run.threads})\n"
    kept = "Uniform: false, Jitter: false, Catchup allowed: true\n"
    sizes = ""
    if not quiet:
        sizes = counter("Response Header Sizes", [sample.head for sample in run.samples])
        sizes += counter("Response Body/Total Sizes", [sample.head + sample.size for sample in run.samples])
    mean = 1000 * sum(spent) / len(spent) if spent else 0.0
    done = f"All done {len(spent)} calls (plus {run.warmup} warmup) {mean:.3f} ms avg, {rate:.1f} qps\n"
    return "".join(chain((ended, shown, errors, sockets, kept), codes(run.samples), (sizes, done)))


def codes(samples: Sequence[Sample]) -> list[str]:
    """A line for each status."""
    counts = Counter(sample.status for sample in samples)
    share = {status: 100 * count / len(samples) for status, count in counts.items()}
    return [f"Code {status:3d} : {counts[status]} ({share[status]:.1f} %)\n" for status in sorted(counts)]


def shares(calls: int, threads: int) -> list[int]:
    """How many calls each thread makes; the first makes what is left over."""
    each, left = divmod(calls, threads)
    return [each + left, *[each] * (threads - 1)]


def _histogram(parts: Sequence[Bucket]) -> str:
    lines = ["# range, mid point, percentile, count\n"]
    for number, part in enumerate(parts):
        span = f"{'>' if number else '>='} {part.low:.6g} <= {part.high:.6g}"
        lines.append(f"{span} , {(part.low + part.high) / 2:.6g} , {part.percent:.2f}, {part.count}\n")
    return "".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds:.9g}s" if seconds >= 1 else f"{seconds * 1000:.6f}ms"
