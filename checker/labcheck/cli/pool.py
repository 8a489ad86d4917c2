"""`pool`: clusters of kind made ahead."""

from __future__ import annotations

import time

import click

from labcheck.cli.options import Session, debug_option, labs_option


@click.command("pool")
@click.argument("lab", metavar="[LAB]", required=False)
@click.option("--empty", is_flag=True, help="Remove those that there are.")
@labs_option
@debug_option
@click.pass_obj
def pool_command(session: Session, lab: str | None, empty: bool) -> None:
    """Make a cluster of kind ahead, such as LAB needs; the next `up` takes it and is ready in seconds.

    Without LAB, list those that there are.
    """
    from labcheck.environments.kind import pool
    from labcheck.environments.kind.provider import Kind

    state, runner = session.state, Kind()
    if not lab and not pool.folders(state):
        click.echo("No cluster was made ahead. Make one: labcheck pool LAB")
    elif empty:
        for name in pool.empty(state, runner):
            click.echo(f"{name} is gone.")
    elif lab:
        started = time.monotonic()

        def show(text: str) -> None:
            click.secho(f"  {time.monotonic() - started:4.1f} s  {text}", dim=True)

        folder = pool.fill(state, session.variant(lab), runner, show)
        click.echo(f"{folder.name} is ready, after {time.monotonic() - started:.1f} s.")
    else:
        for folder in pool.folders(state):
            click.echo(f"{folder.name}  {pool.shape(folder) or 'never finished: labcheck pool --empty'}")
