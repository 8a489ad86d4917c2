"""`explain`: everything that the last grading saw of one task."""

from __future__ import annotations

from typing import Any

import click

from labcheck.cli.options import Session, json_option, lab_argument, print_json, short_name

_HEADINGS = {"claim": "Claims", "request": "Requests", "read": "Objects read", "log": "Logs read"}


@click.command("explain")
@lab_argument
@click.argument("task", metavar="TASK")
@click.option("--objects", is_flag=True, help="Print the objects too, as they were read.")
@json_option
@click.pass_obj
def explain_command(session: Session, lab: str, task: str, objects: bool, as_json: bool) -> None:
    """Everything that the last grading saw of TASK: claims, requests with their answers, objects, logs."""
    from labcheck.environments.standing import running
    from labcheck.errors import UsageError, did_you_mean

    variant = session.variant(lab)
    ids = [it.id for it in variant.tasks]
    if task not in ids:
        raise UsageError(f"{variant.lab.id} has no task `{task}`. {did_you_mean(task, ids)}")
    folder = running(session.state, variant.lab.id).folder
    graded = next((it for it in folder.load("grading.json").get("tasks", ()) if it["id"] == task), None)
    if graded is None:
        raise UsageError(
            f"{variant.lab.id} was not graded yet.",
            next_step=f"Grade it: labcheck grade {short_name(variant.lab.id)}",
        )
    seen = folder.load("seen.json").get(task, {"entries": [], "objects": {}})
    if as_json:
        print_json({"task": graded, **seen})
        return
    _verdict(graded)
    for kind, heading in _HEADINGS.items():
        _entries(heading, [it for it in seen["entries"] if it["kind"] == kind])
    if not seen["entries"]:
        click.echo("\nIts check did not look at anything.")
    if objects:
        _objects(seen["objects"])


def _verdict(graded: dict[str, Any]) -> None:
    heading = click.style(f"{graded['outcome']}  {graded['score']}/{graded['points']}", bold=True)
    click.echo(f"{heading}  {graded['title']}")
    click.echo(f"  {graded['claim']}")
    evidence = graded["evidence"]
    for label in ("expected", "observed", "why", "next"):
        if evidence[label]:
            click.echo(f"  {label.ljust(8)}  {evidence[label]}")
    for found in evidence["differences"]:
        click.echo(f"            {found['path']}: {found['expected']} expected, {found['observed']} observed")
    if graded["where"]:
        click.echo(f"  {'check'.ljust(8)}  {graded['where']}")


def _entries(heading: str, entries: list[dict[str, str]]) -> None:
    if not entries:
        return
    click.secho(f"\n{heading}", bold=True)
    for entry in entries:
        text, result = entry["text"], entry["result"]
        match entry["kind"]:
            case "claim" if result:
                click.echo(f"  no   {text}\n       observed: {result}")
            case "claim":
                click.echo(f"  yes  {text}")
            case "request":
                click.echo(f"  $ {text}\n    {result}")
            case _:
                click.echo(f"  {text}: {result}")


def _objects(objects: dict[str, Any]) -> None:
    import yaml

    for ref, obj in objects.items():
        click.secho(f"\n# {ref}", bold=True)
        click.echo(yaml.safe_dump(obj, sort_keys=False, allow_unicode=True).rstrip())
