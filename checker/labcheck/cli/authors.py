"""`new` and `lint`: writing labs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labcheck.cli.options import Session, chosen_labs, debug_option, labs_option

if TYPE_CHECKING:
    from labcheck.kube import Cluster


@click.command("new")
@click.argument("lab_id", metavar="ID")
@click.option(
    "--template",
    type=click.Choice(["guided", "challenge", "troubleshooting"]),
    default="guided",
    show_default=True,
    help="What the lab is to be like.",
)
@labs_option
@debug_option
@click.pass_obj
def new_command(session: Session, lab_id: str, template: str) -> None:
    """Make a lab to begin with, such as lab-07-gateway, in ./labs or in --labs DIR.

    It is small, whole and running. What is to be written is marked, and `labcheck verify` lists it.
    """
    from labcheck.authoring.new import new
    from labcheck.authoring.unwritten import unwritten

    labs = session.labs or Path("labs")
    for path in new(labs, lab_id, template):
        click.echo(f"created {path}")
    click.echo("\nNow write:")
    for problem in unwritten(labs / lab_id):
        click.echo(f"  {problem}")
    where = f"--labs {session.labs} " if session.labs else ""
    click.echo(f"\nThen: labcheck {where}lint {lab_id}")
    click.echo(f"And:  labcheck {where}verify {lab_id}")


@click.command("lint")
@click.argument("names", metavar="[LAB]...", nargs=-1)
@labs_option
@debug_option
@click.pass_obj
def lint_command(session: Session, names: Sequence[str]) -> int:
    """Check labs without running them; all of them when none is named.

    Prints one problem a line, with file and line, and ends with 2 when there is one. Kinds and fields of
    manifests that a guide shows are held against the lab's cluster where it runs; `verify` always does that.
    """
    from labcheck.authoring.lint import lint

    problems = 0
    folders = chosen_labs(session, names)
    for folder in folders:
        with _cluster(session, folder.name) as cluster:
            for problem in lint(folder, cluster):
                problems += 1
                click.echo(problem)
    click.echo(
        f"{len(folders)} labs, {problems} problems." if problems else f"{len(folders)} labs, no problems."
    )
    return 2 if problems else 0


@contextmanager
def _cluster(session: Session, lab_id: str) -> Iterator[Cluster | None]:
    """The lab's cluster if it runs."""
    from labcheck.environments.standing import running
    from labcheck.errors import LabcheckError
    from labcheck.kube import connect

    try:
        kubeconfig = running(session.state, lab_id).folder.kubeconfig
    except LabcheckError:
        yield None
        return
    with connect(kubeconfig) as cluster:
        yield cluster
