"""Proving labs honest, in several environments at once.

Each environment is the business of a process of its own, forked from this one, which only hands out trials
and collects proofs. Whatever ends this process, the others take their environments down.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labcheck.authoring.testbed import Proof, Testbed
from labcheck.authoring.trials import Trial, trials
from labcheck.checks.ahead import import_ahead
from labcheck.environments.provider import Provider
from labcheck.lab.variant import Variant

_WORTH_ANOTHER = 3
"""So many trials must wait for each environment of a variant before it gets one more."""


@dataclass
class Queue:
    """What is still to be tried with one variant, and how many environments work on it."""

    variant: Variant
    runner: Provider
    waiting: deque[Trial]
    beds: int = 0


def queue(
    variant: Variant,
    runner: Provider,
    *,
    mutated: bool = False,
    gradings: int = 1,
    for_faults: bool = False,
    only: str = "",
) -> Queue:
    """What is to be tried with a variant, of which only the trials with `only` in their names.

    Raises AuthorError.
    """
    planned = trials(variant, mutated=mutated, gradings=gradings, for_faults=for_faults)
    return Queue(variant, runner, deque(trial for trial in planned if only in trial.what))


def verify(queues: Sequence[Queue], jobs: int) -> Iterator[Proof]:
    """Tries everything in at most `jobs` environments at once, and yields what came of it as it comes."""
    beds: list[_Bed] = []
    with tempfile.TemporaryDirectory(prefix="labcheck-verify-") as scratch, ExitStack() as meanwhile:
        runners = {it.runner.name: it.runner for it in queues}
        for name, runner in runners.items():
            runners[name] = meanwhile.enter_context(runner.many(Path(scratch)))
        import_ahead()
        places = (Path(scratch) / str(number) for number in count(1))
        try:
            while True:
                while len(beds) < jobs and (chosen := next_queue(queues)):
                    runner = runners[chosen.runner.name]
                    beds.append(_Bed(chosen, runner, next(places), [bed.line for bed in beds]))
                if not beds:
                    return
                speaking = wait([bed.line for bed in beds])
                for bed in [it for it in beds if it.line in speaking]:
                    yield bed.heard()
                    if bed.over:
                        beds.remove(bed)
        finally:
            for bed in beds:
                bed.process.terminate()
            for bed in beds:
                bed.process.join()


def next_queue(queues: Iterable[Queue]) -> Queue | None:
    """Whose environment to start next: a variant that has none, else the one with the most to do for each."""
    waiting = [it for it in queues if it.waiting]
    fresh = next((it for it in waiting if not it.beds), None)
    if fresh or not waiting:
        return fresh
    busiest = max(waiting, key=lambda it: len(it.waiting) / it.beds)
    return busiest if len(busiest.waiting) / busiest.beds >= _WORTH_ANOTHER else None


class _Bed:
    """A test bed's process, seen from here: it says how `up` went, then answers each trial with a proof."""

    def __init__(self, queue: Queue, runner: Provider, place: Path, others: Sequence[Connection]) -> None:
        self.over = False
        self._queue = queue
        self._tries = "up"
        queue.beds += 1
        context = multiprocessing.get_context("fork")
        self.line, theirs = context.Pipe()
        # A fork has our ends of all pipes; while it holds them, their beds would not notice that we are gone.
        inherited = [*others, self.line]
        self.process: ForkProcess = context.Process(
            target=_work, args=(theirs, inherited, queue.variant, runner, place)
        )
        self.process.start()
        theirs.close()

    def heard(self) -> Proof:
        """The proof that the process has sent; it is given the next trial."""
        try:
            proof: Proof = self.line.recv()
        except EOFError:
            proof = self._died()
        if proof.what == "down" and self._tries != "down":
            proof = replace(proof, problem=f"{proof.problem} Ended during `{self._tries}`.".strip())
        if proof.what == "down":
            self._end()
        elif proof.what == "up" and proof.problem:
            self._queue.waiting.clear()
            self._tries = "down"
        elif self._queue.waiting:
            trial = self._queue.waiting.popleft()
            self._tries = trial.what
            self.line.send(trial)
        else:
            self._tries = "down"
            self.line.send(None)
        return proof

    def _died(self) -> Proof:
        self.process.join()
        variant = self._queue.variant
        problem = f"Its process died (exit code {self.process.exitcode})."
        return Proof(variant.lab.id, variant.seed, "down", problem)

    def _end(self) -> None:
        self.process.join()
        self.line.close()
        self._queue.beds -= 1
        self.over = True


def _work(
    line: Connection, inherited: Sequence[Connection], variant: Variant, runner: Provider, place: Path
) -> None:
    """The life of a test bed, in a process of its own."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The terminal tells everybody; the first process decides.
    signal.signal(signal.SIGTERM, _leave)
    (place / "tmp").mkdir(parents=True)
    os.environ |= {"LABCHECK_STATE": str(place / "state"), "TMPDIR": str(place / "tmp")}
    tempfile.tempdir = None
    bed = Testbed(variant, runner, place)
    try:
        proof = bed.open()
        line.send(proof)
        while not proof.problem and (trial := line.recv()) is not None:
            line.send(bed.carry_out(trial))
    except (EOFError, OSError):
        pass  # Whoever hands out trials is gone.
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        proof = bed.close()
        with suppress(OSError):
            line.send(proof)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
