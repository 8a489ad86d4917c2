"""The command line as click knows it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import click

from labcheck.cli.main import labcheck

_EVERYWHERE = frozenset({"--labs", "--debug", "--help"})
"""Options that may also stand after the verb; they are told once, for the whole."""


@dataclass(frozen=True, slots=True)
class Command:
    """One verb, or the whole under the name `labcheck`."""

    name: str
    usage: str
    about: str
    options: tuple[tuple[str, str], ...]


def commands() -> Iterator[Command]:
    """labcheck itself, then its verbs as `labcheck --help` lists them."""
    root = click.Context(labcheck, info_name="labcheck")
    yield _command(labcheck, root)
    for verb in labcheck.list_commands(root):
        command = labcheck.get_command(root, verb)
        assert command is not None
        yield _command(command, click.Context(command, info_name=verb, parent=root))


def _command(command: click.Command, context: click.Context) -> Command:
    told = frozenset() if command is labcheck else _EVERYWHERE
    options = [it for it in command.get_params(context) if isinstance(it, click.Option)]
    records = [it.get_help_record(context) for it in options if told.isdisjoint(it.opts)]
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    about = inspect.cleandoc(command.help or "")
    return Command(context.info_name or "", usage, about, tuple(it for it in records if it))
