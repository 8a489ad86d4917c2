"""`shell` and `env`: the learner's own tools, pointed at a lab."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from labcheck import programs
from labcheck.cli.options import Session, lab_argument, short_name


@click.command("env")
@lab_argument
@click.pass_obj
def env_command(session: Session, lab: str) -> None:
    """Print what a shell needs to talk to a lab: eval "$(labcheck env LAB)"."""
    from labcheck.environments.standing import running

    environment = running(session.state, session.running_id(lab))
    for name, value in environment.folder.variables().items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command("shell")
@lab_argument
@click.pass_obj
def shell_command(session: Session, lab: str) -> None:
    """A shell whose kubectl talks to a lab."""
    from labcheck.environments.standing import running
    from labcheck.errors import EnvironmentTrouble

    environment = running(session.state, session.running_id(lab))
    folder, name = environment.folder.path, short_name(environment.record.lab)
    trouble = programs.missing("kubectl")
    if trouble:
        click.secho(str(trouble), err=True, fg="yellow")
    if sys.stdin.isatty():
        click.echo(f"This shell talks to {environment.record.lab}, namespace {environment.record.namespace}.")
        click.echo(f"Check with `labcheck grade {name}`. Leave with `exit`; the lab keeps running.")
    program, arguments, extra = command(os.environ.get("SHELL") or "sh", folder, name)
    try:
        os.execvpe(program, arguments, os.environ | environment.folder.variables() | extra)
    except OSError as error:
        raise EnvironmentTrouble(
            f"The shell `{program}` cannot be started.", evidence=f"{error.strerror}.", next_step="Set SHELL."
        ) from error


def command(shell: str, folder: Path, name: str) -> tuple[str, list[str], dict[str, str]]:
    """The program, its arguments and variables that put the lab's name into the prompt."""
    kind = Path(shell).name
    if kind == "bash":
        settings = folder / "bashrc"
        settings.write_text(f'[ -f ~/.bashrc ] && . ~/.bashrc\nPS1="({name}) $PS1"\n', encoding="utf-8")
        return shell, [kind, "--rcfile", str(settings)], {}
    if kind == "zsh":
        settings = folder / "zsh"
        settings.mkdir(exist_ok=True)
        text = f'ZDOTDIR=$HOME\n[ -f ~/.zshrc ] && . ~/.zshrc\nPROMPT="({name}) $PROMPT"\n'
        (settings / ".zshrc").write_text(text, encoding="utf-8")
        return shell, [kind], {"ZDOTDIR": str(settings)}
    return shell, [kind], {"PS1": f"({name}) $ "}
