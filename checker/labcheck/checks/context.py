"""What the grading process tells the checks' process, as one JSON file of plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CONTEXT = "LABCHECK_CONTEXT"
"""The variable of the environment that names the file."""


class Params(dict[str, str | int]):
    """The variant's params: `params["namespace"]` or `params.namespace`."""

    def __getattr__(self, name: str) -> str | int:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"the lab has no param {name!r}; it has {', '.join(sorted(self)) or 'none'}"
            ) from None


@dataclass(frozen=True, slots=True)
class Probe:
    """A pod that requests may be sent from."""

    namespace: str
    pod: str
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Fields of an object of the setup that must stay as they were, and the tasks that rely on it."""

    object: Mapping[str, Any]
    """As it was when the setup was applied."""
    fields: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a run of the checks may know. It does not know which provider runs the cluster."""

    lab: str
    folder: str
    kubeconfig: str
    results: str
    """The file that verdicts are appended to, one JSON object a line."""
    params: Mapping[str, str | int]
    needs: Mapping[str, tuple[str, ...]]
    """Task id → ids of the tasks that it needs, in the order of `lab.yaml`."""
    probes: Mapping[str, Probe]
    patience: float
    """How long the same failure must last before it counts; how fast the provider's mesh converges."""
    points: Mapping[str, int]
    """Task id → what it is worth."""
    guards: tuple[Guard, ...] = ()
    check_limit: float = 90.0
    """Seconds that one check may take."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Task id → outcome, of tasks that were judged before and are not judged again."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self, default=_fields), encoding="utf-8")


def _fields(it: Context | Probe | Guard) -> dict[str, Any]:
    """What it holds; `asdict` would copy every guarded object through and through."""
    return {each.name: getattr(it, each.name) for each in fields(it)}


def read_context(path: Path) -> Context:
    """The context that `Context.write` left at `path`."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Context(
        **{
            **data,
            "params": Params(data["params"]),
            "needs": {task: tuple(needs) for task, needs in data["needs"].items()},
            "probes": {name: Probe(**probe) for name, probe in data["probes"].items()},
            "guards": tuple(
                Guard(guard["object"], tuple(guard["fields"]), tuple(guard["tasks"]))
                for guard in data["guards"]
            ),
        }
    )
