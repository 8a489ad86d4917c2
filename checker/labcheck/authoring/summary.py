"""What the proofs of many trials amount to, lab by lab, and the table that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from labcheck.authoring.testbed import Proof


@dataclass(frozen=True, slots=True)
class Summary:
    """One lab's figures."""

    lab: str
    trials: int
    problems: int
    seconds: float
    """Of one seed: what its trials took, one after another."""
    megabytes: int
    """The heaviest environment, solved; 0 where that cannot be seen."""


def summaries(proofs: Sequence[Proof]) -> list[Summary]:
    """One for each lab, by name."""
    return [
        _summary(lab, [it for it in proofs if it.lab == lab]) for lab in sorted({it.lab for it in proofs})
    ]


def _summary(lab: str, proofs: Sequence[Proof]) -> Summary:
    seeds = {it.seed for it in proofs if it.seed}
    return Summary(
        lab=lab,
        trials=len(proofs),
        problems=sum(bool(it.problem) for it in proofs),
        seconds=round(sum(it.seconds for it in proofs) / max(len(seeds), 1), 1),
        megabytes=max((it.megabytes for it in proofs), default=0),
    )


def table(found: Iterable[Summary]) -> Table:
    """The summaries for people."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("Lab")
    for column in ("Trials", "Problems", "s a seed", "MB"):
        shown.add_column(column, justify="right")
    for it in found:
        problems = f"[red]{it.problems}[/red]" if it.problems else "0"
        weight = str(it.megabytes) if it.megabytes else "–"
        shown.add_row(it.lab, str(it.trials), problems, f"{it.seconds:.1f}", weight)
    return shown
