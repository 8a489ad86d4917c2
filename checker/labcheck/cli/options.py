"""What the verbs share: where labs and state are, which lab is meant, and how to name it to the learner."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from labcheck.environments.state import StateFolder
    from labcheck.lab.load import LoadedLab
    from labcheck.lab.variant import Variant

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass
class Session:
    """One command's surroundings."""

    labs: Path | None = None
    debug: bool = False

    @property
    def state(self) -> StateFolder:
        from labcheck.environments.state import state_folder

        return state_folder(os.environ)

    @property
    def labs_folder(self) -> Path:
        """The folder that labs are looked for in. Raises UsageError."""
        from labcheck.lab.find import labs_folder

        return labs_folder(self.labs, Path.cwd())

    def running_id(self, name: str) -> str:
        """The lab meant among those that run, which may have lost their folders; else among all there are.

        Raises UsageError.
        """
        from labcheck.lab.find import choose, matches

        found = matches(name, [folder.path.name for folder in self.state.environments()])
        return found[0] if len(found) == 1 else choose(name, self.labs_folder).name

    def load(self, name: str) -> LoadedLab:
        """The lab that `name` means. Raises UsageError and AuthorError."""
        from labcheck.lab.find import choose
        from labcheck.lab.load import load

        return load(choose(name, self.labs_folder))

    def variant(self, name: str, seed: int | None = None) -> Variant:
        """The lab under `seed`, else under the seed it runs with, else under the default seed.

        Its namespaces are called as they are where it runs.
        """
        from labcheck.lab.pages import under_prefix
        from labcheck.lab.variant import DEFAULT_SEED, variant

        loaded = self.load(name)
        record = self.state.environment(loaded.lab.id).record()
        # One that was interrupted goes on with its seed; a record without a folder tells nothing.
        running = record.seed if record and record.lab_folder else DEFAULT_SEED
        made = variant(loaded, running if seed is None else seed)
        return under_prefix(made, record.prefix if record else "")


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        # The option may stand before or after the verb; the one that was given counts.
        if value:
            setattr(context.find_object(Session) or Session(), name, value)
        return value

    return keep


def labs_option(function: Decorated) -> Decorated:
    """`--labs DIR`, before or after the verb."""
    return click.option(
        "--labs",
        type=click.Path(path_type=Path),
        metavar="DIR",
        envvar="LABCHECK_LABS",
        expose_value=False,
        callback=_keep("labs"),
        help="The folder that holds the labs; else ./labs, else those installed.",
    )(function)


def debug_option(function: Decorated) -> Decorated:
    """`--debug`, before or after the verb."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_keep("debug"),
        help="Show tracebacks.",
    )(function)


def lab_argument(function: Decorated) -> Decorated:
    """The argument LAB with the options that go with it."""
    return click.argument("lab", metavar="LAB")(labs_option(debug_option(function)))


json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Which variant of the lab; pages show seed 1."
)


def short_name(lab_id: str) -> str:
    """What a learner types for a lab: `lab-03` for lab-03-waypoint."""
    numbered = re.match(r"lab-\d+(?=-|$)", lab_id)
    return numbered[0] if numbered else lab_id


def chosen_labs(session: Session, names: Sequence[str]) -> list[Path]:
    """The folders of the labs that were named, or of all. Raises UsageError."""
    from labcheck.lab.find import choose, lab_folders

    return [choose(name, session.labs_folder) for name in names] or lab_folders(session.labs_folder)


def print_json(data: object) -> None:
    """Prints data for programs."""
    import json

    click.echo(json.dumps(data, indent=2))
