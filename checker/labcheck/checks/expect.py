"""The vocabulary of checks: claims that hold or raise `Failed` with evidence, and the two ways to look.

`settle` repeats until the outcome is consistent, because a mesh needs a moment to follow its configuration.
`sample` looks once: repeating a sample until it passes would accept nearly any share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import NoReturn, TypeVar

from labcheck.checks import stats
from labcheck.checks.response import Refusal, Response
from labcheck.checks.verdict import Evidence, Failed

T = TypeVar("T")

ROUNDS = 3
"""Equal outcomes in a row that count as consistent."""
PAUSES = 10
"""Pauses between rounds in the time of the patience, so that rounds are as far apart as the mesh is slow."""


class Expect:
    """Claims about what was observed. Every claim takes `why` and `next` for the learner."""

    def __init__(
        self,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.notes: list[str] = []
        self._patience = patience
        self._clock = clock
        self._pause = pause
        self._settling = False

    # Ways to look

    def settle(self, look: Callable[[], T], *, within: float = 30.0) -> T:
        """Repeats `look`, which makes claims, until three rounds in a row agree; returns what it returned
        last.

        Three passes end it at once. A failure counts when the same claim has failed in every round for as
        long as this provider's mesh may need to converge. What flaps until `within` seconds are over fails.
        The last round is what is reported.
        """
        started = same_since = self._clock()
        agreed, last = 0, object()
        self._settling = True
        try:
            while True:
                value, failure = self._round(look)
                now = self._clock()
                outcome = failure and failure.evidence.expected
                agreed, same_since = (agreed + 1, same_since) if outcome == last else (1, now)
                last = outcome
                if agreed >= ROUNDS and failure is None:
                    return value[0]
                if failure is not None and (
                    (agreed >= ROUNDS and now - same_since >= self._patience) or now - started >= within
                ):
                    raise failure
                if now - started >= within:
                    self.fail(
                        "the same answer three times in a row",
                        observed=f"answers that change for {within:g} s",
                    )
                self._pause(max(self._patience / PAUSES, 0.01))
        finally:
            self._settling = False

    @staticmethod
    def _round(look: Callable[[], T]) -> tuple[list[T], Failed | None]:
        try:
            return [look()], None
        except Failed as failure:
            return [], failure

    def sample(self, look: Callable[[], T]) -> T:
        """Calls `look` once and returns what it returns. Refuses to be used inside `settle`."""
        if self._settling:
            raise RuntimeError(
                "expect.sample inside expect.settle: a sample that is repeated accepts anything"
            )
        return look()

    def note(self, text: str) -> None:
        """A few words that the report shows beside the task when it passes: what was seen."""
        if text not in self.notes:
            self.notes.append(text)

    # Claims

    def fail(self, expected: str, *, observed: str = "", why: str = "", next: str = "") -> NoReturn:
        """The answer is not right yet."""
        raise Failed(Evidence(expected, observed, why, next))

    def holds(
        self, expected: str, condition: object, *, observed: str = "", why: str = "", next: str = ""
    ) -> None:
        """`condition` is true; `expected` says in words what it is."""
        if not condition:
            self.fail(expected, observed=observed, why=why, next=next)

    def equal(self, what: str, *, observed: object, expected: object, why: str = "", next: str = "") -> None:
        """`observed` equals `expected`; `what` names the thing."""
        if observed != expected:
            self.fail(f"{what}: {shown(expected)}", observed=shown(observed), why=why, next=next)

    def contains(
        self, what: str, *, observed: Container[object], item: object, why: str = "", next: str = ""
    ) -> None:
        """`item` is in `observed`."""
        if item not in observed:
            self.fail(f"{what} with {shown(item)}", observed=shown(observed), why=why, next=next)

    def answered(self, response: Response, *, code: int = 200, why: str = "", next: str = "") -> None:
        """The request was answered with this code."""
        if response.exit_code or response.code != code:
            self.fail(f"an answer with code {code}", observed=str(response), why=why, next=next)

    def refused(
        self, response: Response, *, by: Refusal, control: Response, why: str = "", next: str = ""
    ) -> None:
        """The request was refused in the way `by`, while `control`, over the same path, was answered.

        Without the control "refused" would also hold where nothing runs at all.
        """
        if not control.ok:
            self.fail(
                "a request that is allowed on this path is answered",
                observed=str(control),
                why="Nothing gets through here, so a refusal proves nothing.",
                next=next,
            )
        if response.refusal is not by:
            self.fail(f"refused: {by}", observed=str(response), why=why, next=next)

    def share(self, what: str, *, count: int, of: int, share: float, why: str = "", next: str = "") -> None:
        """`count` of `of` requests speak for the share: within the binomial bounds of `stats.bounds`.

        A right answer is refused once in a million gradings at most. What is accepted of a wrong one
        depends on n: with 400 requests and a share of 0.1 the bounds are 14 to 72, so a share of 0.3 is
        accepted with a chance of 3e-8 and an even split never; with a share of 0.3 they are 77 to 166, and
        an even split is accepted with a chance of 4e-4. Near misses are for the declared weights to show.
        """
        bounds = stats.bounds(of, share)
        if count not in bounds:
            self.fail(
                f"{what}: {share:.0%} of {of} requests, that is {bounds.low} to {bounds.high}",
                observed=f"{count} of {of} requests ({count / of:.0%}, one sample)",
                why=why,
                next=next,
            )
        self.note(f"{what}: {count} of {of} requests")


def shown(value: object) -> str:
    """A value as a learner reads it: `a, b`, `a=1, b=2`, `none`."""
    match value:
        case None:
            return "none"
        case str():
            return value or "(empty)"
        case dict():
            return ", ".join(f"{key}={shown(item)}" for key, item in value.items()) or "none"
        case list() | tuple() | set() | frozenset():
            items = sorted(map(shown, value)) if isinstance(value, set | frozenset) else map(shown, value)
            return ", ".join(items) or "none"
        case _:
            return str(value)
