"""`list` and `status`: the labs there are, and those that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labcheck.cli.options import Session, debug_option, json_option, labs_option, print_json

if TYPE_CHECKING:
    from labcheck.environments.state import Record


@click.command("list")
@labs_option
@debug_option
@json_option
@click.pass_obj
def list_command(session: Session, as_json: bool) -> None:
    """The labs there are."""
    from labcheck.environments.standing import statuses
    from labcheck.errors import AuthorError
    from labcheck.lab.find import lab_folders
    from labcheck.lab.load import load

    states = {status.record.lab: status.state for status in statuses(session.state)}
    rows, broken = [], []
    for folder in lab_folders(session.labs_folder):
        try:
            lab = load(folder).lab
        except AuthorError as error:
            broken.append(error)
            continue
        row = {"id": lab.id, "title": lab.title, "domain": lab.domain, "level": lab.level}
        rows.append(row | {"minutes": lab.minutes, "points": lab.total, "state": states.get(lab.id, "")})
    if as_json:
        print_json(rows)
    else:
        _print(
            ("LAB", "TITLE", "DOMAIN", "MIN", "POINTS", "STATE"),
            [
                [str(row[key]) for key in ("id", "title", "domain", "minutes", "points", "state")]
                for row in rows
            ],
        )
    if broken:
        raise AuthorError([problem for error in broken for problem in error.problems])


@click.command("status")
@debug_option
@json_option
@click.pass_obj
def status_command(session: Session, as_json: bool) -> None:
    """The labs that run."""
    from dataclasses import asdict

    from labcheck.environments.standing import statuses

    found = statuses(session.state)
    if as_json:
        print_json(
            [
                asdict(it.record) | {"status": it.state, "kubeconfig": str(it.folder.kubeconfig)}
                for it in found
            ]
        )
    elif not found:
        click.echo("No lab is running. See which there are: labcheck list")
    else:
        _print(("LAB", "STATE", "PROVIDER", "SEED", "NEXT"), [_row(it.record, it.state) for it in found])


def _row(record: Record, state: str) -> list[str]:
    advice = "" if state == "ready" else f"labcheck up {record.lab}"
    return [record.lab, state, record.provider, str(record.seed), advice]


def _print(head: tuple[str, ...], rows: list[list[str]]) -> None:
    """Columns as kubectl prints them: as wide as needed, three spaces apart, for people and for awk."""
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    for row in (head, *rows):
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
