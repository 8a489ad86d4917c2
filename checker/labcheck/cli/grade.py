"""`grade`: judge the answer, show the report, keep it for hints."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labcheck.cli.options import Session, json_option, lab_argument, print_json, short_name

if TYPE_CHECKING:
    from labcheck.grading.report import Report


def _print_schema(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.resources import files

        click.echo(
            files("labcheck.grading").joinpath("report.schema.json").read_text(encoding="utf-8"), nl=False
        )
        context.exit()


@click.command("grade")
@lab_argument
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "classroom"]),
    default="text",
    help="text for people; github: annotations; classroom: for GitHub Classroom's reporter.",
)
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also write JUnit XML."
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON's schema.",
)
@click.pass_obj
def grade_command(session: Session, lab: str, as_json: bool, form: str, junit: Path | None) -> int:
    """Judge your answer."""
    from labcheck.cli.judging import judge

    with judge(session, lab) as lab_judge:
        show = _printer(
            "json" if as_json else form, lab_judge.variant.folder, short_name(lab_judge.variant.lab.id)
        )
        report = lab_judge.grade()
    if junit is not None:
        _write_junit(report, junit)
    show(report)
    return report.exit_code


def _printer(form: str, folder: Path, name: str) -> Callable[[Report], None]:
    """Imports what a format needs, for then the checks' process is still importing too."""
    match form:
        case "json":
            return lambda report: print_json(report.to_json())
        case "github":
            from labcheck.grading.formats.github import github

            return lambda report: click.echo(github(report, _from_here(folder)), nl=False)
        case "classroom":
            from labcheck.grading.formats.classroom import classroom

            return lambda report: click.echo(classroom(report))
        case _:
            from labcheck.grading.terminal import console, show

            return lambda report: show(report, console(), name)


def _from_here(folder: Path) -> Path:
    """A path as GitHub wants it, from the repository's root, which is where workflows work."""
    relative = os.path.relpath(folder)
    return folder if relative.startswith("..") else Path(relative)


def _write_junit(report: Report, path: Path) -> None:
    from labcheck.errors import UsageError
    from labcheck.grading.formats.junit import junit

    try:
        path.write_text(junit(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", next_step="Name another file."
        ) from error
