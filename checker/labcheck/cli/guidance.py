"""`hint` and `solution`: help, by degrees."""

from __future__ import annotations

import click

from labcheck.cli.options import Session, lab_argument, seed_option, short_name


@click.command("hint")
@lab_argument
@click.argument("task", metavar="[TASK]", required=False)
@click.pass_obj
def hint_command(session: Session, lab: str, task: str | None) -> None:
    """The next hint for TASK, else for the first task that did not pass when you last graded."""
    from labcheck.environments.lifecycle import running
    from labcheck.errors import UsageError, did_you_mean
    from labcheck.grading.report import not_passed

    variant = session.variant(lab)
    folder = running(session.state, variant.lab.id).folder
    name = short_name(variant.lab.id)
    ids = [it.id for it in variant.tasks]
    if task is not None and task not in ids:
        raise UsageError(f"{variant.lab.id} has no task `{task}`. {did_you_mean(task, ids)}")
    last = folder.load("grading.json")
    open_tasks = not_passed(last) if last else ids
    if task is None and not open_tasks:
        click.echo(f"Every task passed when you last graded. Compare: labcheck solution {name}")
        return
    chosen = next(it for it in variant.tasks if it.id == (task or open_tasks[0]))
    shown = folder.load("hints.json")
    number = int(shown.get(chosen.id, 0))
    click.secho(chosen.title, bold=True)
    if number < len(chosen.hints):
        click.echo(f"Hint {number + 1} of {len(chosen.hints)}: {chosen.hints[number]}")
        folder.save("hints.json", {**shown, chosen.id: number + 1})
    else:
        for index, hint in enumerate(chosen.hints, 1):
            click.echo(f"Hint {index} of {len(chosen.hints)}: {hint}")
        for link in chosen.docs:
            click.echo(f"Documentation: {link}")
        click.echo(f"There are no more hints. The way it is done: labcheck solution {name}")


@click.command("solution")
@lab_argument
@click.option("--run", "execute", is_flag=True, help="Carry it out in the running lab.")
@seed_option
@click.pass_obj
def solution_command(session: Session, lab: str, execute: bool, seed: int | None) -> None:
    """The reference solution."""
    from labcheck.lab.pages import solutions

    variant = session.variant(lab, seed)
    pages = solutions(variant)
    if not execute:
        click.echo(pages[0].markdown.rstrip())
        for other in pages[1:]:
            click.echo(f"\nAnother way: {other.path}")
        return
    from labcheck.authoring.replay import replay
    from labcheck.environments.lifecycle import running

    environment = running(session.state, variant.lab.id)
    replay(pages[0], environment.folder, show=lambda text: click.echo(text, nl=False))
    click.echo(f"Done. Check: labcheck grade {short_name(variant.lab.id)}")
