"""`logs`: what was said while a lab's cluster was started, and how long each step took."""

from __future__ import annotations

import click

from labcheck.cli.options import Session, lab_argument


@click.command("logs")
@lab_argument
@click.pass_obj
def logs_command(session: Session, lab: str) -> None:
    """What was said while a lab was started, whether or not it came up."""
    from labcheck.environments.choice import provider
    from labcheck.environments.kind.provider import steps
    from labcheck.errors import UsageError

    lab_id = session.load(lab).lab.id
    folder = session.state.environment(lab_id)
    record = folder.record()
    if record is None:
        raise UsageError(f"{lab_id} is not running.", next_step=f"Start it: labcheck up {lab_id}")
    path = provider(record.provider).logs(folder.cluster)
    if path.exists():
        click.echo(path.read_text(encoding="utf-8", errors="replace").rstrip())
    for step in steps(folder.cluster):
        click.echo(f"{step['seconds']:6.1f} s  {step['step']}")
