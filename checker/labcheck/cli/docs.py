"""`docs`: the site on this machine, with the names that the learner's own labs have drawn.

The pages are built anew each time, into a folder that is gone when the command ends, however it is ended.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from labcheck.cli.options import Session, debug_option, labs_option

_PACKAGE = Path(__file__).parent.parent
_SOURCES = (_PACKAGE / "pages", _PACKAGE.parents[1])
"""Where the site's sources are: in an installed package, in a checkout."""


@click.command("docs")
@click.argument("lab", metavar="[LAB]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; else any free port.")
@click.option("--no-open", is_flag=True, help="Only print the address.")
@labs_option
@debug_option
@click.pass_obj
def docs_command(session: Session, lab: str | None, port: int, no_open: bool) -> None:
    """Show the pages of the labs in a browser, with the names of those that you run.

    A lab that does not run is shown with the names of seed 1. Nothing is fetched from elsewhere.
    """
    from labcheck.errors import EnvironmentTrouble

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    sources = _sources()
    page = f"labs/{session.load(lab).lab.id}/" if lab else ""
    with tempfile.TemporaryDirectory(prefix="labcheck-docs-") as folder:
        click.secho("Building the pages …", dim=True, err=True)
        build(sources, Path(folder), session.labs_folder, _running(session))
        handler = partial(_Quiet, directory=folder)
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            raise EnvironmentTrouble(
                f"Port {port} cannot be listened on: {error.strerror}.",
                next_step="Let any free port be taken: labcheck docs",
            ) from None
        with server:
            url = f"http://127.0.0.1:{server.server_port}/{page}"
            click.echo(f"{url}\nEnd with Ctrl-C.")
            if not no_open:
                click.launch(url)
            with suppress(KeyboardInterrupt):
                server.serve_forever()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """Ends the command as an error would, so that what it has made is removed."""
    sys.exit(128 + number)


def build(sources: Path, into: Path, labs: Path, running: Mapping[str, tuple[int, str]]) -> None:
    """Builds the site of these labs, each under its seed and with the prefix of its namespaces.

    Raises AuthorError for a lab that is broken.
    """
    # The theme's makers announce a future version of mkdocs to everybody who builds.
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    from mkdocs.commands.build import build as mkdocs
    from mkdocs.config import load_config

    config = load_config(str(sources / "mkdocs.yml"), site_dir=str(into))
    config.extra |= {"labs": labs, "running": running}
    config.plugins.on_startup(command="build", dirty=False)
    mkdocs(config)


def _sources() -> Path:
    """The folder of `mkdocs.yml`. Raises EnvironmentTrouble when the pages cannot be built here."""
    from labcheck.errors import EnvironmentTrouble

    found = next((it for it in _SOURCES if (it / "mkdocs.yml").is_file()), None)
    if found is None:
        raise EnvironmentTrouble(
            "The sources of the pages did not come with this installation.",
            evidence=f"Looked for mkdocs.yml in {' and '.join(map(str, _SOURCES))}.",
            next_step="Run `labcheck docs` with the package from PyPI, or in a checkout.",
        )
    if find_spec("material") is None or find_spec("mkdocs") is None:
        raise EnvironmentTrouble(
            "The pages are built with mkdocs-material, which is not installed.",
            next_step='Install it: pip install "labcheck[site]"',
        )
    return found


def _running(session: Session) -> dict[str, tuple[int, str]]:
    """The seeds and prefixes of the labs that run."""
    records = (it.record() for it in session.state.environments())
    return {it.lab: (it.seed, it.prefix) for it in records if it and it.status == "ready"}


class _Quiet(SimpleHTTPRequestHandler):
    """Files, without a line on the terminal for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass
