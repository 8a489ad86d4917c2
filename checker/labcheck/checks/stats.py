"""How many of n requests a share may receive: exact binomial arithmetic, nothing sampled, nothing
approximated.

A share is judged by one sample. Bounds leave `alpha` of chance, both tails together, to refuse a right
answer; what they accept of a wrong answer is `acceptance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log


@dataclass(frozen=True, slots=True)
class Bounds:
    """The counts, both inclusive, that speak for `share` in a sample of `n`."""

    n: int
    share: float
    low: int
    high: int

    def __contains__(self, count: int) -> bool:
        return self.low <= count <= self.high

    def acceptance(self, share: float) -> float:
        """The chance that a system whose true share is `share` falls within these bounds."""
        return min(1.0, sum(_mass(self.n, share, count) for count in range(self.low, self.high + 1)))

    @property
    def false_refusal(self) -> float:
        """The chance that a right answer falls outside."""
        return max(0.0, 1.0 - self.acceptance(self.share))


def bounds(n: int, share: float, alpha: float = 1e-6) -> Bounds:
    """The narrowest bounds that leave at most `alpha / 2` in each tail of Binomial(n, share).

    Raises ValueError unless n ≥ 1, 0 ≤ share ≤ 1 and 0 < alpha < 1.
    """
    if n < 1 or not 0 <= share <= 1 or not 0 < alpha < 1:
        raise ValueError(f"no sample has n={n}, share={share}, alpha={alpha}")
    masses = [_mass(n, share, count) for count in range(n + 1)]
    return Bounds(n, share, _cut(masses, alpha / 2), n - _cut(masses[::-1], alpha / 2))


def _cut(masses: list[float], tail: float) -> int:
    """How many counts from the left may be refused without refusing more than `tail`."""
    refused = 0.0
    for count, mass in enumerate(masses):
        refused += mass
        if refused > tail:
            return count
    return len(masses) - 1


def _mass(n: int, share: float, count: int) -> float:
    """P(X = count) for X ~ Binomial(n, share), through logarithms so that no factor overflows."""
    if share in {0.0, 1.0}:
        return float(count == n * share)
    ways = lgamma(n + 1) - lgamma(count + 1) - lgamma(n - count + 1)
    return exp(ways + count * log(share) + (n - count) * log(1 - share))
