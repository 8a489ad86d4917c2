"""`lint` and `verify`: what authors and CI run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from labcheck.cli.options import Session, debug_option, json_option, labs_option, print_json


@click.command("lint")
@click.argument("names", metavar="[LAB]...", nargs=-1)
@labs_option
@debug_option
@click.pass_obj
def lint_command(session: Session, names: Sequence[str]) -> int:
    """Check labs without running them; all of them when none is named."""
    from labcheck.authoring.lint import lint

    problems = 0
    folders = _folders(session, names)
    for folder in folders:
        for problem in lint(folder):
            problems += 1
            click.echo(problem)
    click.echo(
        f"{len(folders)} labs, {problems} problems." if problems else f"{len(folders)} labs, no problems."
    )
    return 2 if problems else 0


@click.command("verify")
@click.argument("names", metavar="[LAB]...", nargs=-1)
@labs_option
@debug_option
@click.option("--provider", metavar="P", help="What runs the clusters; else each lab's first choice.")
@click.option("--seed", "seeds", type=click.IntRange(min=0), multiple=True, help="May be repeated; else 1.")
@json_option
@click.pass_obj
def verify_command(
    session: Session, names: Sequence[str], provider: str | None, seeds: Sequence[int], as_json: bool
) -> int:
    """Prove labs honest: solutions, mistakes and pages; all labs when none is named."""
    from dataclasses import asdict

    from labcheck.authoring.verify import verify
    from labcheck.environments.provider import provider_for
    from labcheck.environments.state import StateFolder
    from labcheck.lab.load import load
    from labcheck.lab.variant import DEFAULT_SEED

    proofs = []
    with tempfile.TemporaryDirectory(prefix="labcheck-verify-") as scratch:
        state = StateFolder(Path(scratch))
        for folder in _folders(session, names):
            loaded = load(folder)
            runner = provider_for(loaded.lab, provider)
            for proof in verify(loaded, seeds or [DEFAULT_SEED], runner, state):
                proofs.append(proof)
                if not as_json:
                    _show(proof.lab, proof.seed, proof.what, proof.problem, proof.seconds)
    failed = [proof for proof in proofs if proof.problem]
    if as_json:
        print_json([asdict(proof) for proof in proofs])
    else:
        click.echo(f"{len(proofs)} trials, {len(failed)} problems.")
    return 1 if failed else 0


def _show(lab: str, seed: int, what: str, problem: str, seconds: float) -> None:
    verdict = click.style("FAIL", fg="red") if problem else click.style("ok  ", fg="green")
    click.echo(f"{verdict}  {lab}  seed {seed}  {what}  {seconds:.2f} s")
    for line in problem.splitlines():
        click.echo(f"      {line}")


def _folders(session: Session, names: Sequence[str]) -> list[Path]:
    from labcheck.lab.find import choose, lab_folders

    return [choose(name, session.labs_folder) for name in names] or lab_folders(session.labs_folder)
