"""The command line: its verbs, and the one place where errors become messages and exit codes.

0 all passed · 1 graded, not yet · 2 wrong usage or a broken lab file · 3 ungradable or environment trouble ·
130 interrupted. A traceback is shown only with `--debug`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from labcheck.cli.options import Session, debug_option, labs_option
from labcheck.errors import LabcheckError

_INTERRUPTED = 130
_BROKEN_PIPE = 141

# verb -> (module, what it does); the module is imported when the verb is used.
_LEARNER = {
    "list": ("listing", "The labs there are."),
    "up": ("running", "Start a lab."),
    "shell": ("shell", "A shell whose kubectl talks to a lab."),
    "env": ("shell", "Print what a shell needs to talk to a lab."),
    "grade": ("grade", "Judge your answer."),
    "watch": ("watch", "Grade again whenever the cluster changes."),
    "explain": ("explain", "Everything that the last grading saw of a task."),
    "trace": ("trace", "Follow one request through the mesh."),
    "hint": ("guidance", "The next hint."),
    "solution": ("guidance", "Every accepted way, once the lab is passed."),
    "reset": ("running", "Bring a lab back to its start."),
    "status": ("listing", "The labs that run."),
    "logs": ("logs", "What was said while a lab was started."),
    "down": ("running", "End a lab and forget it."),
    "doctor": ("doctor", "Check this machine."),
    "docs": ("docs", "The labs' pages, with the names of yours."),
    "tools": ("tools", "The programs that labs are worked with."),
}
_AUTHOR = {
    "new": ("authors", "Make a lab to begin with."),
    "lint": ("authors", "Check labs without running them."),
    "pool": ("pool", "Clusters of kind made ahead, for labs to start in seconds."),
    "verify": ("verify", "Prove labs honest: solutions, mistakes and pages."),
}
VERBS = _LEARNER | _AUTHOR


class Verbs(click.Group):
    """A group whose commands are modules of this package, imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"labcheck.cli.{VERBS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from labcheck.errors import UsageError, did_you_mean

            raise UsageError(
                f"There is no command `{args[0]}`. {did_you_mean(args[0], VERBS)}",
                next_step="See them all: labcheck --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in (("Learn", _LEARNER), ("Write labs", _AUTHOR)):
            with formatter.section(title):
                formatter.write_dl([(verb, text) for verb, (_, text) in verbs.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="labcheck", message="labcheck %(version)s")
@labs_option
@debug_option
@click.pass_context
def labcheck(context: click.Context) -> None:
    """Hands-on Istio ambient mesh labs, graded by cluster state and by traffic.

    LAB may be 3, 03, lab-03 or the whole name.
    """
    context.ensure_object(Session)
    if context.invoked_subcommand:
        from labcheck.environments.state import state_folder
        from labcheck.environments.tools import search_path

        # Whatever starts programs finds those that `labcheck tools install` has fetched.
        os.environ["PATH"] = search_path(state_folder(os.environ).root, os.environ.get("PATH", os.defpath))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits."""
    session = Session()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments, session))


def run(arguments: Sequence[str], session: Session) -> int:
    """Runs the command line; returns the exit code. Errors are printed to standard error."""
    try:
        # None leaves it to click, which colours for terminals only. https://no-color.org
        color = False if os.environ.get("NO_COLOR") else None
        result = labcheck.main(
            list(arguments), prog_name="labcheck", standalone_mode=False, obj=session, color=color
        )
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except LabcheckError as error:
        _report(session, error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except Exception as error:
        if session.debug:
            raise
        click.echo(f"labcheck itself failed: {type(error).__name__}: {error}", err=True)
        click.echo("Run the command again with --debug to see where.", err=True)
        return 3


def _report(session: Session, error: LabcheckError) -> None:
    if session.debug:
        import traceback

        traceback.print_exception(error)
    click.secho(error.fact, err=True, fg="red")
    for part in (error.evidence, error.next_step):
        if part:
            click.echo(part, err=True)
