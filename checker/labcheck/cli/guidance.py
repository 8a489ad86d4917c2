"""`hint` and `solution`: help, by degrees, each with its price before it is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from labcheck.cli.options import Session, lab_argument, seed_option, short_name

if TYPE_CHECKING:
    from labcheck.environments.state import EnvironmentFolder
    from labcheck.grading.report import TaskResult
    from labcheck.lab.model import Task
    from labcheck.lab.pages import Page
    from labcheck.lab.variant import Variant


@click.command("hint")
@lab_argument
@click.argument("task", metavar="[TASK]", required=False)
@click.option("--yes", is_flag=True, help="Pay for a hint without being asked.")
@click.pass_obj
def hint_command(session: Session, lab: str, task: str | None, yes: bool) -> None:
    """The next hint for TASK, else for the first task that does not pass.

    The first one is computed from what your cluster looks like now, and always free; those that follow were
    written by the lab's author, from the vaguest to the plainest.
    """
    from labcheck.cli.judging import hints_shown, judge
    from labcheck.errors import UsageError, did_you_mean
    from labcheck.grading.hinting import about, computed, first_open

    with judge(session, lab) as lab_judge:
        variant, folder = lab_judge.variant, lab_judge.environment.folder
        ids = [it.id for it in variant.tasks]
        if task is not None and task not in ids:
            raise UsageError(f"{variant.lab.id} has no task `{task}`. {did_you_mean(task, ids)}")
        report = lab_judge.grade()
    name = short_name(variant.lab.id)
    found = first_open(report) if task is None else next(it for it in report.tasks if it.id == task)
    if found is None:
        click.echo(f"Every task passes. Compare: labcheck solution {name}")
        return
    chosen = next(it for it in variant.tasks if it.id == found.id)
    click.secho(chosen.title, bold=True)
    shown = hints_shown(folder).get(chosen.id, {"shown": 0, "about": ""})
    text = computed(found)
    if text and about(found) != shown["about"]:
        click.echo(text)
        _remember(folder, chosen, shown["shown"], about(found))
        _announce(variant, chosen, shown["shown"], name)
    elif shown["shown"] < len(chosen.hints):
        if _paid(variant, found, chosen, shown["shown"], name, yes):
            click.echo(f"Hint {shown['shown'] + 1} of {len(chosen.hints)}: {chosen.hints[shown['shown']]}")
            _remember(folder, chosen, shown["shown"] + 1, about(found))
    else:
        _everything(chosen, name)


def _remember(folder: EnvironmentFolder, task: Task, shown: int, subject: str) -> None:
    folder.save("hints.json", {**folder.load("hints.json"), task.id: {"shown": shown, "about": subject}})


def _announce(variant: Variant, task: Task, shown: int, name: str) -> None:
    if shown < len(task.hints):
        price = _price(variant)
        click.echo(f"Hint {shown + 1} of {len(task.hints)} {price}: labcheck hint {name} {task.id}")


def _price(variant: Variant) -> str:
    price = variant.lab.hint_price
    return f"costs {price} point{'s' if price > 1 else ''}" if price else "is free"


def _paid(variant: Variant, found: TaskResult, task: Task, shown: int, name: str, yes: bool) -> bool:
    """Whether the next hint may be shown: it is free, or the learner wants it at its price."""
    if not variant.lab.hint_price or yes:
        return True
    which = f"Hint {shown + 1} of {len(task.hints)}"
    offer = f"{which} {_price(variant)} of the {found.points} that the task is worth."
    if sys.stdin.isatty():
        return click.confirm(f"{offer} Show it?")
    click.echo(f"{offer} To see it: labcheck hint {name} {task.id} --yes")
    return False


def _everything(task: Task, name: str) -> None:
    for index, hint in enumerate(task.hints, 1):
        click.echo(f"Hint {index} of {len(task.hints)}: {hint}")
    for link in task.docs:
        click.echo(f"Documentation: {link}")
    click.echo(f"There are no more hints. What the check saw: labcheck explain {name} {task.id}")


@click.command("solution")
@lab_argument
@click.option("--give-up", is_flag=True, help="Open it although the lab is not passed; that is recorded.")
@click.option("--run", "execute", is_flag=True, help="Carry the reference solution out in the running lab.")
@seed_option
@click.pass_obj
def solution_command(session: Session, lab: str, give_up: bool, execute: bool, seed: int | None) -> None:
    """Every accepted way, once the lab is passed."""
    from labcheck.lab.pages import solutions

    variant = session.variant(lab, seed)
    _open(session, variant, give_up)
    pages = solutions(variant)
    if not execute:
        _show(pages)
        return
    from labcheck.authoring.replay import replay
    from labcheck.environments.choice import provider
    from labcheck.environments.standing import running

    environment = running(session.state, variant.lab.id)
    traces = provider(environment.record.provider).traces
    replay(pages[0], environment.folder, lambda text: click.echo(text, nl=False), traces=traces)
    click.echo(f"Done. Check: labcheck grade {short_name(variant.lab.id)}")


def _open(session: Session, variant: Variant, give_up: bool) -> None:
    """Raises UsageError unless the solution is open, or is opened now."""
    from labcheck.cli.judging import GIVEN_UP, open_solution, solution_opened
    from labcheck.errors import UsageError

    folder = session.state.environment(variant.lab.id)
    if solution_opened(folder):
        return
    if not give_up:
        raise UsageError(
            "The solution opens when every task passes.",
            next_step=f"To see it now: labcheck solution {short_name(variant.lab.id)} --give-up",
        )
    if folder.record() is not None:
        open_solution(folder, GIVEN_UP)


def _show(pages: list[Page]) -> None:
    for number, page in enumerate(pages, 1):
        name = "the reference" if number == 1 else page.path.stem.replace("-", " ")
        if len(pages) > 1:
            click.secho(f"{'' if number == 1 else chr(10)}Way {number} of {len(pages)}: {name}\n", bold=True)
        click.echo(page.markdown.strip())
