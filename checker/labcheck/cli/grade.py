"""`grade`: judge the answer, show the report, keep it for hints."""

from __future__ import annotations

import click

from labcheck.cli.options import Session, json_option, lab_argument, print_json, short_name


@click.command("grade")
@lab_argument
@json_option
@click.pass_obj
def grade_command(session: Session, lab: str, as_json: bool) -> int:
    """Judge your answer."""
    from labcheck.environments.lifecycle import running
    from labcheck.environments.provider import provider
    from labcheck.grading.run import grade

    variant = session.variant(lab)
    environment = running(session.state, variant.lab.id)
    name = environment.record.provider
    report = grade(variant, environment.folder.grader_kubeconfig, name, provider(name).patience)
    environment.folder.save("grading.json", report.to_json())
    if as_json:
        print_json(report.to_json())
    else:
        from rich.console import Console

        from labcheck.grading.terminal import show

        show(report, Console(highlight=False), short_name(variant.lab.id))
    return report.exit_code
