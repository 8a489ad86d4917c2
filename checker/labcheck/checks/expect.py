"""The vocabulary of checks: claims that hold or raise `Failed` with evidence, and the ways to look.

`settle` repeats until the outcome is consistent, because a mesh needs a moment to follow its configuration.
`sample` looks once: repeating a sample until it passes would accept nearly any share. `share` sends as many
requests as a verdict about a share takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from typing import Any, NoReturn, TypeVar

from labcheck.checks.differences import differences
from labcheck.checks.journal import Journal
from labcheck.checks.resource import Resource
from labcheck.checks.response import Refusal, Response, Sample
from labcheck.checks.stats import SequentialTest
from labcheck.checks.verdict import Evidence, Failed, Part
from labcheck.checks.wording import shown

T = TypeVar("T")

ROUNDS = 3
"""Equal outcomes in a row that count as consistent."""
PAUSES = 20
"""Pauses between rounds in the time of the patience, so that rounds are as far apart as the mesh is slow."""
SHORTEST_PAUSE = 0.005
GROWTH = 1.5
"""How much longer each pause is when rounds go on agreeing that something is wrong: it hardly will change."""
TRAIL = 0.5
"""Seconds that what requests set in motion may trail them: a line of a log, a copy, an ejected endpoint."""

_NOTHING = object()
"""What a round before the first has found."""


class Expect:
    """Claims about what was observed. Every claim takes `why` and `next` for the learner.

    `points` is what the task is worth; `journal` keeps what was claimed; `calm` is when, by the clock,
    somebody last did anything that the mesh may still have to follow: now, where nobody knows.
    """

    def __init__(
        self,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        *,
        points: int = 100,
        journal: Journal | None = None,
        calm: float | None = None,
    ) -> None:
        self.notes: list[str] = []
        self.parts: list[Part] = []
        self._points = points
        self._journal = Journal() if journal is None else journal
        self._patience = patience
        self._clock = clock
        self._pause = pause
        self._calm = calm
        self._settling = False

    # Ways to look

    def settle(self, look: Callable[[], T], *, within: float = 30.0) -> T:
        """Repeats `look`, which makes claims, until three rounds in a row agree; returns what it returned
        last.

        Three passes end it at once. A failure counts when the same claim has failed in every round, and the
        mesh has had as long as this provider's may need to converge since the grading began. What comes after
        the check's own requests, or looks into a log, is also given the time that such things trail requests.
        What flaps until `within` seconds are over fails. The last round is what is reported.
        """
        started = self._clock()
        requested = self._journal.requested
        same_since = started if self._calm is None else self._calm
        agreed, before = 0, len(self._journal)
        last: object = _NOTHING
        self._settling = True
        try:
            while True:
                self._journal.rewind(before)
                value, failure = self._round(look)
                now = self._clock()
                outcome = failure and failure.evidence.expected
                if outcome == last or last is _NOTHING:
                    agreed += 1
                else:
                    agreed, same_since = 1, now
                last = outcome
                if agreed >= ROUNDS and failure is None:
                    return value[0]
                patience = self._patience
                if requested or self._journal.logs:
                    patience, same_since = max(patience, TRAIL), max(same_since, started)
                left = same_since + patience - now
                if failure is not None and ((agreed >= ROUNDS and left <= 0) or now - started >= within):
                    raise failure
                if now - started >= within:
                    self.fail(
                        "the same answer three times in a row",
                        observed=f"answers that change for {within:g} s",
                    )
                pause = max(self._patience / PAUSES, SHORTEST_PAUSE)
                if failure is not None and agreed > ROUNDS:
                    pause = min(pause * GROWTH ** (agreed - ROUNDS), max(pause, left))
                self._pause(pause)
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
        self._once("expect.sample")
        return look()

    def _once(self, way: str) -> None:
        if self._settling:
            raise RuntimeError(f"{way} inside expect.settle: a sample that is repeated accepts anything")

    def note(self, text: str) -> None:
        """A few words that the report shows beside the task when it passes: what was seen."""
        if text not in self.notes:
            self.notes.append(text)

    def part(self, points: int, what: str) -> None:
        """What held so far is worth `points`, kept even if the check fails further on; `what` says what for.

        All parts together must be worth less than the task, whose last claims are worth something too.
        """
        if self._settling:
            raise RuntimeError("expect.part inside expect.settle: what is repeated would be paid repeatedly")
        earned = points + sum(part.points for part in self.parts)
        if points < 1 or earned >= self._points:
            raise ValueError(f"parts worth {earned} points, of a task that is worth {self._points}")
        self.parts.append(Part(points, what))

    # Claims

    def fail(self, expected: str, *, observed: str = "", why: str = "", next: str = "") -> NoReturn:
        """The answer is not right yet."""
        self._claim(False, Evidence(expected, observed, why, next))
        raise AssertionError(expected)

    def holds(
        self, expected: str, condition: object, *, observed: str = "", why: str = "", next: str = ""
    ) -> None:
        """`condition` is true; `expected` says in words what it is."""
        self._claim(condition, Evidence(expected, observed, why, next, subject=expected))

    def equal(self, what: str, *, observed: object, expected: object, why: str = "", next: str = "") -> None:
        """`observed` equals `expected`; `what` names the thing."""
        evidence = Evidence(f"{what}: {shown(expected)}", shown(observed), why, next, subject=what)
        self._claim(observed == expected, evidence)

    def contains(
        self, what: str, *, observed: Container[object], item: object, why: str = "", next: str = ""
    ) -> None:
        """`item` is in `observed`."""
        evidence = Evidence(f"{what} with {shown(item)}", shown(observed), why, next, subject=what)
        self._claim(item in observed, evidence)

    def matches(
        self, resource: Resource, described: Mapping[str, Any], *, why: str = "", next: str = ""
    ) -> None:
        """`resource` is as described, in the fields that the description mentions.

        Items of lists are found by what names them; `only(…)` describes a list that holds nothing else, None
        a field that is absent, and `...` one that has any value. See `labcheck.checks.differences`.
        """
        found = tuple(differences(described, resource))
        fields = "field differs" if len(found) == 1 else "fields differ"
        evidence = Evidence(
            f"{resource.ref} is as the task asks",
            f"{len(found)} {fields}" if found else "",
            why,
            next or _shown_by(resource),
            subject=", ".join(f"{it.path} of {resource.ref}" for it in found[:3]),
            differences=found,
        )
        self._claim(not found, evidence)

    def condition(
        self, resource: Resource, type: str, *, parent: str | None = None, why: str = "", next: str = ""
    ) -> None:
        """The condition of `resource` is True; of a route, that of the parent named `parent`."""
        found = resource.condition(type, parent=parent)
        expected = f"the condition {type} of {resource.ref} is True"
        evidence = Evidence(expected, str(found), why, next or _shown_by(resource), subject=expected)
        self._claim(found, evidence)

    def answered(self, response: Response, *, code: int = 200, why: str = "", next: str = "") -> None:
        """The request was answered with this code."""
        evidence = Evidence(
            f"an answer with code {code}", str(response), why, next, "the answer to a request"
        )
        self._claim(not response.exit_code and response.code == code, evidence)

    def refused(
        self, response: Response, *, by: Refusal, control: Response, why: str = "", next: str = ""
    ) -> None:
        """The request was refused in the way `by`, while `control`, over the same path, was answered.

        Without the control "refused" would also hold where nothing runs at all.
        """
        lost = Evidence(
            "a request that is allowed on this path is answered",
            str(control),
            "Nothing gets through here, so a refusal proves nothing.",
            next,
            "the request that should be allowed",
        )
        self._claim(control.ok, lost)
        evidence = Evidence(
            f"refused: {by} ({by.meaning})",
            f"{response} ({response.meaning})" if response.meaning else str(response),
            why,
            next,
            "how the request is refused" if response.refusal else "the request that should be refused",
        )
        self._claim(response.refusal is by, evidence)

    def share(
        self,
        what: str,
        send: Callable[[int], Sample],
        *,
        where: Callable[[Response], object],
        share: float,
        margin: float = 0.2,
        missed: float = 4e-4,
        or_less: bool = False,
        why: str = "",
        next: str = "",
    ) -> None:
        """The share of the requests `where` the condition holds is `share`, and all others are answered.

            expect.share("requests answered by v2", lambda n: client.sample(url, n),
                         where=lambda reply: "version: v2" in reply.body, share=0.3)

        `send` is called for one batch after another, until the evidence suffices (`stats.SequentialTest`).
        A right answer is refused once in a million gradings at most. A share that is off by `margin` or more
        is accepted with a chance of `missed` at most, four times in ten thousand, and so is none or all where
        there is no room for the margin; with `or_less` a smaller share is as good. Nearer misses are for the
        declared weights to show. A right answer takes 88 requests on average for a share of 0.1, 130 for 0.3
        and 142 for 0.5; what lies half way to the margin can take 700. Refuses to be used inside `settle`.
        """
        self._once("expect.share")
        test = SequentialTest(share, margin, missed=missed, or_less=or_less)
        before, sample, lost = len(self._journal), Sample(()), list[Response]()
        count, right = 0, None
        for n in test.looks:
            sample += send(n - sample.n)
            if sample.n != n and not sample.refused:
                raise ValueError(f"expect.share asked for {n} requests in all, and {sample.n} were sent")
            lost = [it for it in sample.refused if sample.n < n or not where(it)]
            count = sample.count(where)
            right = test.judge(count, n)
            if lost or right is not None:
                break
        self._journal.rewind(before)
        self._journal.sampled(sample.command, sample.n, str(sample))
        self.holds(
            "every request is answered",
            not lost,
            observed=f"{len(lost)} of {sample.n} were not: {''.join(map(str, lost[:1]))}",
            next=sample.command,
        )
        wanted = f"{what}: {share:.0%}{' or less' if or_less else ''}"
        if not right:
            low, high = test.bounds(sample.n)
            wanted += f", that is {low} to {high} of {sample.n}"
        evidence = Evidence(
            wanted,
            f"{count} of {sample.n} requests ({count / sample.n:.0%})",
            why,
            next,
            subject=what,
        )
        self._claim(right, evidence)
        self.note(f"{what}: {count} of {sample.n} requests")

    def _claim(self, holds: object, evidence: Evidence) -> None:
        self._journal.add("claim", evidence.expected, "" if holds else evidence.observed or "not so")
        if not holds:
            raise Failed(evidence)


def _shown_by(resource: Resource) -> str:
    scope = f" -n {resource.namespace}" if resource.namespace else ""
    return f"kubectl get {resource.kind.lower()} {resource.name}{scope} -o yaml"
