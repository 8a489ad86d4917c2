"""Whether requests show a share, told from as few as it takes: Wald's sequential probability ratio test.

Requests go out in batches. After each the evidence speaks for the share, or for one that is off by a margin,
or does not suffice yet. A sample of a fixed size, with errors as rare, is three times as large on average.
Exact binomial arithmetic: nothing sampled, nothing approximated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, comb, inf, log, sqrt

_BATCH = 20
"""Requests between two looks: each look costs about as much as two requests."""


@dataclass(frozen=True)
class SequentialTest:
    """Tells `share` from shares that are off by `margin` or more, to either side or, if `or_less`, above.

    Where there is no room for the margin, the share is told from 0 or 1 instead, that is from none or all.
    A true share is refused with a chance of `refused` at most, one that is off by the margin is accepted with
    a chance of `missed` at most. Raises ValueError for what is no share, margin or chance.

    Each error is spent as follows (A. Wald, Sequential Analysis, 1947, 3.2). A ratio of likelihoods exceeds k
    somewhere on its way with a chance of 1/k at most while its denominator is the truth; so half of `refused`
    goes to the two ratios. The other half goes to the last look, which decides for what is likelier: after n
    requests that errs with a chance of at most (Σ √(pq))ⁿ, the bound of Chernoff and Bhattacharyya.
    """

    share: float
    margin: float = 0.2
    refused: float = 1e-6
    missed: float = 4e-4
    or_less: bool = False

    def __post_init__(self) -> None:
        chances = 0 < self.refused < 1 and self.refused / 4 < self.missed < 1
        if not (0 <= self.share <= 1 and 0 < self.margin < 1 and chances):
            raise ValueError(f"there is no such test of a share: {self}")

    @cached_property
    def looks(self) -> tuple[int, ...]:
        """After how many requests the evidence is looked at; the last look decides.

        The first is where the evidence for a true share suffices on average.
        """
        enough = [-self._doubt / _divergence(self.share, other) for other in self._others]
        most = [-log(self.refused / 4) / _distance(self.share, other) for other in self._others]
        first = max(1, ceil(max(enough)))
        batches = max(0, ceil((max(most) - first) / _BATCH))
        return tuple(first + _BATCH * batch for batch in range(batches + 1))

    def judge(self, count: int, n: int) -> bool | None:
        """Whether `count` of `n` requests show the share; None while more are needed."""
        likeliest = max(_likelihood(other, count, n) for other in self._others)
        evidence = likeliest - _likelihood(self.share, count, n)
        if n >= self.looks[-1]:
            return evidence <= 0
        if evidence >= -log(self.refused / 4):
            return False
        return True if evidence <= self._doubt else None

    def bounds(self, n: int) -> tuple[int, int]:
        """The least and the greatest count that are not refused after `n` requests."""
        fine = [count for count in range(n + 1) if self.judge(count, n) is not False]
        return fine[0], fine[-1]

    def acceptance(self, share: float) -> float:
        """The chance that a system whose true share is `share` is accepted."""
        return sum(
            chance
            for n, counts in self._course(share)
            for count, chance in counts.items()
            if self.judge(count, n)
        )

    def requests(self, share: float) -> float:
        """How many requests a system whose true share is `share` is sent on average."""
        before, total = 0, 0.0
        for n, counts in self._course(share):
            total += (n - before) * sum(counts.values())
            before = n
        return total

    @cached_property
    def _others(self) -> set[float]:
        """The nearest shares that are to be refused."""
        below, above = max(0.0, self.share - self.margin), min(1.0, self.share + self.margin)
        return {self.share if self.or_less else below, above} - {self.share}

    @cached_property
    def _doubt(self) -> float:
        """The evidence for another share, as a logarithm, below which there is too little of it to matter."""
        return log(self.missed - self.refused / 4)

    def _course(self, share: float) -> Iterator[tuple[int, Mapping[int, float]]]:
        """For each look the chance of each count, nothing having been decided before."""
        undecided, before = {0: 1.0}, 0
        for n in self.looks:
            masses = [_mass(n - before, share, more) for more in range(n - before + 1)]
            counts: defaultdict[int, float] = defaultdict(float)
            for count, chance in undecided.items():
                for more, mass in enumerate(masses):
                    counts[count + more] += chance * mass
            yield n, counts
            undecided = {count: it for count, it in counts.items() if self.judge(count, n) is None}
            before = n


def _likelihood(share: float, count: int, n: int) -> float:
    """The logarithm of the chance of one order in which `count` of `n` requests are hits."""
    return sum(
        times * (log(chance) if chance else -inf)
        for times, chance in ((count, share), (n - count, 1 - share))
        if times
    )


def _divergence(share: float, other: float) -> float:
    """Kullback and Leibler's: what a request says against `other` on average, where `share` is true."""
    return sum(
        here * (log(here / there) if there else inf)
        for here, there in ((share, other), (1 - share, 1 - other))
        if here
    )


def _distance(share: float, other: float) -> float:
    """Bhattacharyya's: how much a request adds to the certainty of the likelier of the two."""
    return -log(sqrt(share * other) + sqrt((1 - share) * (1 - other)))


def _mass(n: int, share: float, count: int) -> float:
    """P(X = count) for X ~ Binomial(n, share)."""
    return float(comb(n, count) * share**count * (1 - share) ** (n - count))
