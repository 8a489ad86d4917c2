"""`new` and `lint`: writing labs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from labcheck.cli.options import Session, chosen_labs, debug_option, labs_option


@click.command("lint")
@click.argument("names", metavar="[LAB]...", nargs=-1)
@labs_option
@debug_option
@click.pass_obj
def lint_command(session: Session, names: Sequence[str]) -> int:
    """Check labs without running them; all of them when none is named.

    Prints one problem a line, with file and line, and ends with 2 when there is one.
    """
    from labcheck.authoring.lint import lint

    problems = 0
    folders = chosen_labs(session, names)
    for folder in folders:
        for problem in lint(folder):
            problems += 1
            click.echo(problem)
    click.echo(
        f"{len(folders)} labs, {problems} problems." if problems else f"{len(folders)} labs, no problems."
    )
    return 2 if problems else 0
