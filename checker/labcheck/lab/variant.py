"""What a seed makes of a lab: each param's choice, and everything of `lab.yaml` with it filled in.

The choice is a hash of lab, param and seed: the same on every machine and Python, and adding a param leaves
the others as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labcheck.lab.load import LoadedLab
from labcheck.lab.model import Guard, Lab, Probe, Task
from labcheck.lab.templates import Value, render

DEFAULT_SEED = 1
"""The seed of the pages that the site shows, so that a learner who asks for none can follow them."""

SEEDS = (1, 2, 3)
"""The seeds that a lab is proved with, unless others are named."""
_SEARCHED = 1000


def choose(lab: Lab, seed: int) -> dict[str, Value]:
    """The params of `lab` under `seed`."""
    return {name: drawn(lab, name, seed) for name in lab.params}


def drawn(lab: Lab, param: str, seed: int) -> Value:
    """What a seed draws for a param."""
    choices = lab.params[param]
    return choices[pick(lab.id, param, seed, len(choices))]


def pick(lab_id: str, param: str, seed: int, count: int) -> int:
    """Which of `count` choices a seed draws for a param."""
    digest = hashlib.sha256(f"{lab_id}/{param}/{seed}".encode()).digest()
    return int.from_bytes(digest[:8]) % count


def seeds_for_faults(lab: Lab) -> list[int]:
    """Seeds that draw what `SEEDS` leave out of the lab's faults: few, and always the same."""
    faults = {seed: _faults(lab, seed) for seed in range(1, _SEARCHED)}
    missing = set().union(*faults.values()).difference(*(faults[seed] for seed in SEEDS))
    found: list[int] = []
    while missing:
        found.append(max(faults, key=lambda seed: len(faults[seed] & missing)))
        missing -= faults[found[-1]]
    return found


def _faults(lab: Lab, seed: int) -> set[tuple[str, Value]]:
    return {(name, drawn(lab, name, seed)) for name in lab.faults}


@dataclass(frozen=True)
class Variant:
    """A lab with its params decided; `tasks`, `probes`, `guarded` and `namespace` are filled in."""

    source: LoadedLab
    seed: int
    params: dict[str, Value]
    tasks: tuple[Task, ...]
    probes: dict[str, Probe]
    namespace: str
    guarded: tuple[Guard, ...] = ()
    prefix: str = ""
    """What stands before the names of the setup's namespaces, so that they meet nobody else's."""

    @property
    def lab(self) -> Lab:
        return self.source.lab

    @property
    def told(self) -> dict[str, Value]:
        """The params that the lab's page tells: neither secrets nor faults."""
        kept = {*self.lab.secrets, *self.lab.faults}
        return {name: value for name, value in self.params.items() if name not in kept}

    @property
    def folder(self) -> Path:
        return self.source.folder


def variant(source: LoadedLab, seed: int = DEFAULT_SEED, given: Mapping[str, Value] | None = None) -> Variant:
    """The variant of a lab under a seed, or with the params `given`.

    Raises AuthorError for a template that does not render.
    """
    params = choose(source.lab, seed) if given is None else dict(given)
    manifest = source.document.path

    def fill(text: str, *place: str | int) -> str:
        return render(text, params, manifest, source.document.line(place))

    def fill_task(index: int, task: Task) -> Task:
        return task.model_copy(
            update={
                "title": fill(task.title, "tasks", index, "title"),
                "hints": tuple(fill(hint, "tasks", index, "hints", n) for n, hint in enumerate(task.hints)),
            }
        )

    def fill_probe(name: str, probe: Probe) -> Probe:
        return Probe(
            namespace=fill(probe.namespace, "probes", name, "namespace"),
            pod=fill(probe.pod, "probes", name, "pod"),
            container=fill(probe.container, "probes", name, "container") if probe.container else None,
        )

    def fill_guard(index: int, guard: Guard) -> Guard:
        objects = (fill(it, "guarded", index, "objects", n) for n, it in enumerate(guard.objects))
        return guard.model_copy(update={"objects": tuple(objects)})

    return Variant(
        source=source,
        seed=seed,
        params=params,
        tasks=tuple(fill_task(index, task) for index, task in enumerate(source.lab.tasks)),
        probes={name: fill_probe(name, probe) for name, probe in source.lab.probes.items()},
        namespace=fill(source.lab.environment.namespace, "environment", "namespace"),
        guarded=tuple(fill_guard(index, guard) for index, guard in enumerate(source.lab.guarded)),
    )
