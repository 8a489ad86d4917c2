"""`up`, `reset` and `down`: a lab's environment from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from labcheck.cli.options import Session, debug_option, lab_argument, labs_option, seed_option, short_name


@click.command("up")
@lab_argument
@click.option("--provider", metavar="P", help="What runs the cluster; else the lab's first choice.")
@click.option("--context", default="", metavar="NAME", help="The cluster, with --provider existing.")
@click.option("--i-know", "sure", is_flag=True, help="That the context looks like production.")
@seed_option
@click.pass_obj
def up_command(
    session: Session, lab: str, provider: str | None, context: str, sure: bool, seed: int | None
) -> None:
    """Start a lab."""
    from labcheck.environments.choice import provider_for
    from labcheck.environments.lifecycle import up
    from labcheck.lab.pages import under_prefix

    started = time.monotonic()
    variant = session.variant(lab, seed)
    record = session.state.environment(variant.lab.id).record()
    known = record.provider if record else None
    runner = provider_for(variant.lab, provider or known, context, sure=sure)
    about, name = variant.lab, short_name(variant.lab.id)
    click.echo(f"{click.style(about.id, bold=True)}  {about.title}")
    click.echo(f"{about.domain} · about {about.minutes} min · {about.total} points")
    variant = under_prefix(variant, runner.prefix)
    outcome = up(session.state, variant, runner, _progress(started))
    if outcome == "running":
        click.echo(f"It runs already ({runner.name}, seed {variant.seed}).")
    else:
        click.echo(f"Ready in {time.monotonic() - started:.1f} s ({runner.name}, seed {variant.seed}).")
    if variant.prefix:
        click.echo(f"Its namespaces begin with {variant.prefix}; so they do here: labcheck docs {name}")
    click.echo(
        f"\n  Work   labcheck shell {name}\n  Check  labcheck grade {name}\n  Leave  labcheck down {name}"
    )


@click.command("reset")
@lab_argument
@click.pass_obj
def reset_command(session: Session, lab: str) -> None:
    """Bring a lab back to its start."""
    from labcheck.environments.lifecycle import reset

    started = time.monotonic()
    variant = session.variant(lab)
    reset(session.state, variant, _progress(started))
    click.echo(f"{variant.lab.id} is as it was at its start, after {time.monotonic() - started:.1f} s.")


@click.command("down")
@click.argument("lab", metavar="LAB", required=False)
@click.option("--all", "every", is_flag=True, help="Every lab that runs, and clusters made ahead.")
@labs_option
@debug_option
@click.pass_obj
def down_command(session: Session, lab: str | None, every: bool) -> None:
    """End a lab and forget it."""
    from labcheck.environments.kind import pool
    from labcheck.environments.lifecycle import down
    from labcheck.errors import UsageError

    if bool(lab) == every:
        raise UsageError("Say which lab to end, or --all.", next_step="See what runs: labcheck status")
    ids = (
        [folder.path.name for folder in session.state.environments()]
        if every
        else [session.running_id(lab or "")]
    )
    for lab_id in ids:
        click.echo(f"{lab_id} is gone." if down(session.state, lab_id) else f"{lab_id} is not running.")
    if not ids:
        click.echo("No lab is running.")
    if every and pool.folders(session.state):
        from labcheck.environments.kind.provider import Kind

        for name in pool.empty(session.state, Kind()):
            click.echo(f"The cluster {name}, which was made ahead, is gone.")


def _progress(started: float) -> Callable[[str], None]:
    def show(text: str) -> None:
        click.secho(f"  {time.monotonic() - started:4.1f} s  {text}", dim=True)

    return show
