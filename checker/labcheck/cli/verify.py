"""`verify`: what CI runs, with its progress, its table and its files for programs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labcheck.cli.options import Session, chosen_labs, debug_option, json_option, labs_option, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from labcheck.authoring.testbed import Proof
    from labcheck.authoring.verify import Queue
    from labcheck.environments.provider import Provider
    from labcheck.lab.model import Lab


_A_CORE = 2
"""Light environments for each core: one waits, for an Envoy or a timeout, while another works."""


def _seeds(context: click.Context, parameter: click.Parameter, value: str | None) -> list[int]:
    """The numbers that `1-3`, `7` or `1,4,9` mean; none when the option is not given."""
    if value is None:
        return []
    found: list[int] = []
    for part in value.split(","):
        bounds = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if bounds is None or int(bounds[2] or bounds[1]) < int(bounds[1]):
            raise click.BadParameter(f"{value!r} names no seeds; write 1-3, 7 or 1,4,9.")
        found += range(int(bounds[1]), int(bounds[2] or bounds[1]) + 1)
    return list(dict.fromkeys(found))


@click.command("verify")
@click.argument("names", metavar="[LAB]...", nargs=-1)
@labs_option
@debug_option
@click.option("--provider", metavar="P", help="What runs the clusters; else each lab's first choice.")
@click.option("--context", default="", metavar="NAME", help="The cluster, with --provider existing.")
@click.option("--i-know", "sure", is_flag=True, help="That the context looks like production.")
@click.option(
    "--seeds", callback=_seeds, help="Such as 1-3, 7 or 1,4,9; else 1-3, and what draws a lab's other faults."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Environments at once; else two a core on the embedded cluster, and one elsewhere.",
)
@click.option("--mutate", is_flag=True, help="Also spoil the reference solutions by machine.")
@click.option(
    "--only", default="", metavar="TEXT", help="Only trials whose name has this in it, such as 'mistake'."
)
@click.option(
    "--gradings",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Grade each answer so often: what wavers shows itself.",
)
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write JUnit XML."
)
@json_option
@click.pass_obj
def verify_command(
    session: Session,
    names: Sequence[str],
    provider: str | None,
    context: str,
    sure: bool,
    seeds: list[int],
    jobs: int | None,
    mutate: bool,
    only: str,
    gradings: int,
    junit: Path | None,
    as_json: bool,
) -> int:
    """Prove labs honest; all labs when none is named.

    \b
    For each seed, in environments of their own:
      untouched      scores nothing; applying the setup twice changes nothing
      solution       scores everything; solving and grading twice do no harm
      solutions/*    score everything
      mistakes/*     lose exactly the tasks that they name
      guide          every block marked to run works
      down           leaves no process and no file behind

    A lab with faults is tried under further seeds, until each of them was drawn; mistakes that mention none
    are left out there.

    With --mutate each reference solution is also spoilt in many small ways; an answer that is spoilt and
    scores everything all the same shows what the checks overlook.

    Labs that do not run on the provider are skipped, unless they are named.

    Ends with 0 when all is well, 1 with problems, 2 when a lab's files are wrong.
    """
    from dataclasses import asdict

    from rich.console import Console

    from labcheck.authoring.summary import summaries, table
    from labcheck.errors import UsageError

    console = Console(highlight=False, stderr=as_json)
    started = time.monotonic()
    chosen = partial(_runner, provider=provider, named=bool(names), context=context, sure=sure)
    proofs, queues = _planned(session, names, chosen, seeds, mutated=mutate, gradings=gradings, only=only)
    at_once = _at_once([it.runner for it in queues], jobs)
    if only and not any(it.waiting for it in queues):
        raise UsageError(
            f"No trial has `{only}` in its name.", next_step="See them all: labcheck verify --json"
        )
    for proof in proofs:
        _show(console, proof)
    with _progress(console, sum(len(it.waiting) for it in queues)) as advance:
        proofs += _proved(console, queues, at_once, advance)
    seconds = time.monotonic() - started
    failed = [proof for proof in proofs if proof.problem]
    if junit is not None:
        from labcheck.authoring.junit import junit as document

        junit.write_text(document(proofs), encoding="utf-8")
    if as_json:
        print_json([asdict(proof) for proof in proofs])
    else:
        console.print(table(summaries(proofs)))
        skipped = sum(bool(proof.skipped) for proof in proofs)
        left_out = f", {skipped} skipped" if skipped else ""
        console.print(f"{len(proofs)} trials, {len(failed)} problems{left_out}, {seconds:.1f} s.")
    return 2 if any(proof.what == "lint" for proof in failed) else int(bool(failed))


def _planned(
    session: Session,
    names: Sequence[str],
    chosen: Callable[[Lab], Provider | None],
    seeds: Sequence[int],
    *,
    mutated: bool,
    gradings: int,
    only: str,
) -> tuple[list[Proof], list[Queue]]:
    """The proofs that need no environment, and what is to be tried in one."""
    from labcheck.authoring.reading import read
    from labcheck.authoring.testbed import Proof
    from labcheck.authoring.verify import queue
    from labcheck.errors import AuthorError
    from labcheck.lab.load import load
    from labcheck.lab.pages import under_prefix
    from labcheck.lab.variant import SEEDS, seeds_for_faults, variant

    proofs: list[Proof] = []
    queues: list[Queue] = []
    for folder in chosen_labs(session, names):
        proofs += read(folder)
        try:
            loaded = load(folder)
            runner = chosen(loaded.lab)
            if runner is None:
                supported = ", ".join(loaded.lab.environment.providers)
                proofs.append(Proof(loaded.lab.id, 0, "trials", "", skipped=f"it runs on {supported} only"))
                continue
            for seed in seeds or SEEDS:
                made = under_prefix(variant(loaded, seed), runner.prefix)
                queues.append(queue(made, runner, mutated=mutated, gradings=gradings, only=only))
            for seed in () if seeds else seeds_for_faults(loaded.lab):
                made = under_prefix(variant(loaded, seed), runner.prefix)
                queues.append(queue(made, runner, gradings=gradings, for_faults=True, only=only))
        except AuthorError:
            continue  # The proof from reading says so.
    return proofs, queues


def _runner(lab: Lab, *, provider: str | None, named: bool, context: str, sure: bool) -> Provider | None:
    """What runs the lab; None when it does not run there, and nobody has asked for this very lab."""
    from labcheck.environments.choice import provider_for
    from labcheck.lab.model import PROVIDERS

    if not named and provider in PROVIDERS and provider not in lab.environment.providers:
        return None
    return provider_for(lab, provider, context, sure=sure)


def _at_once(runners: Sequence[Provider], jobs: int | None) -> int:
    """How many environments are up at the same time. Raises UsageError."""
    from labcheck.errors import UsageError

    if jobs and jobs > 1 and any(runner.shared for runner in runners):
        raise UsageError(
            "In one cluster labs are tried one after another: the names of their namespaces may be the same.",
            next_step="Leave out --jobs.",
        )
    light = all(runner.light for runner in runners)
    return jobs or (_A_CORE * (os.cpu_count() or 1) if light else 1)


def _proved(
    console: Console, queues: Sequence[Queue], jobs: int, advance: Callable[[], None]
) -> Iterator[Proof]:
    from labcheck.authoring.verify import verify

    for proof in verify(queues, jobs):
        if proof.what not in {"up", "down"}:
            advance()
        _show(console, proof)
        yield proof


def _show(console: Console, proof: Proof) -> None:
    """Says what is wrong or left out as soon as it is known; what is well is for the table."""
    seed = f"  seed {proof.seed}" if proof.seed else ""
    if proof.skipped or proof.left_out:
        told = proof.skipped or proof.left_out
        console.print(f"[yellow]SKIP[/yellow]  {proof.lab}{seed}  {proof.what}: {told}")
    if not proof.problem:
        return
    console.print(f"[red]FAIL[/red]  {proof.lab}{seed}  {proof.what}  {proof.seconds:.2f} s")
    for line in proof.problem.splitlines():
        console.print(f"      {line}", markup=False, soft_wrap=True)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, drawn when something has happened: a thread that draws must not be forked."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), "trials", TimeElapsedColumn())
    bar = Progress(
        *columns, console=console, auto_refresh=False, transient=True, disable=not console.is_terminal
    )
    task = bar.add_task("", total=total)

    def advance() -> None:
        bar.advance(task)
        bar.refresh()

    with bar:
        bar.refresh()
        yield advance
