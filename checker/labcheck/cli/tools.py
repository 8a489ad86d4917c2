"""`tools`: which of the programs that labs are worked with are here, and fetching those that are not."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from labcheck.cli.options import Session, debug_option, json_option, print_json


@click.group("tools", invoke_without_command=True)
@debug_option
@json_option
@click.pass_context
def tools_command(context: click.Context, as_json: bool) -> int | None:
    """Which kubectl, kind, istioctl and helm are here, and whether they fit."""
    if context.invoked_subcommand:
        return None
    from labcheck.environments import tools
    from labcheck.environments.kind.versions import versions

    table = versions().tools
    found = {name: tools.find(tool, os.environ.get("PATH", os.defpath)) for name, tool in table.items()}
    if as_json:
        rows = {
            name: {"path": it.path, "version": it.version, "fits": it.fits} if it else None
            for name, it in found.items()
        }
        print_json(rows)
    else:
        for name, tool in table.items():
            said = tools.finding(tool, found[name])
            mark = click.style("fix ", fg="red") if said.wrong else click.style("ok  ", fg="green")
            click.echo(f"{mark}  {name.ljust(8)}  {said.found}")
            if said.fix:
                click.echo(f"      {said.fix}")
    return 0 if all(it is not None and it.fits for it in found.values()) else 3


@tools_command.command("install")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@debug_option
@click.pass_obj
def install_command(session: Session, names: Sequence[str]) -> None:
    """Fetch programs in the versions that labs are known to work with; without names, those that do not fit.

    They are put into the state folder, for labcheck alone; each is checked against its publisher's checksum.
    """
    from labcheck.environments import tools
    from labcheck.environments.download import install
    from labcheck.environments.kind.versions import versions
    from labcheck.errors import UsageError, did_you_mean

    table = versions().tools
    for name in names:
        if name not in table:
            raise UsageError(f"There is no tool `{name}`. {did_you_mean(name, table)}")
    path = os.environ.get("PATH", os.defpath)
    here = {name: tools.find(tool, path) for name, tool in table.items()}
    wanted = names or [name for name, found in here.items() if found is None or not found.fits]
    for name in wanted:
        click.echo(
            f"{name} {table[name].version} is in {install(table[name], tools.folder(session.state.root))}"
        )
    if not wanted:
        click.echo("Nothing to do: all of them are here, and fit.")
