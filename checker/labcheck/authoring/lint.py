"""What is wrong with a lab that nobody needs to run it for: files, templates, pages, and checks against
tasks.

Checks are read, never executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from labcheck.authoring.checkcode import check_problems
from labcheck.authoring.fields import misspelt
from labcheck.authoring.pagecode import docs_problems, page_problems
from labcheck.errors import AuthorError, Problem
from labcheck.kube import Cluster
from labcheck.lab.guards import guarded
from labcheck.lab.load import LoadedLab, load
from labcheck.lab.mistakes import mistakes
from labcheck.lab.pages import guide, setup, solutions
from labcheck.lab.variant import SEEDS, Variant, seeds_for_faults, variant
from labcheck.yamltext import documents

_REVEALING = 24
"""Characters of a solution's line or argument that no hint may repeat; shorter ones are names."""


def lint(folder: Path, cluster: Cluster | None = None) -> list[Problem]:
    """Everything wrong with the lab in `folder`, in the order it was found; nothing twice.

    `cluster`, one of the lab's own, tells which kinds and fields there are.
    """
    try:
        loaded = load(folder)
    except AuthorError as error:
        return list(error.problems)
    seeds = (*SEEDS, *seeds_for_faults(loaded.lab))
    found = [
        *_params(loaded),
        *docs_problems(loaded),
        *(it for seed in seeds for it in _seed(loaded, seed, cluster)),
        *_mistaken(loaded),
        *check_problems(loaded.lab, folder / "test_lab.py"),
    ]
    return list(dict.fromkeys(found))


def _params(loaded: LoadedLab) -> Iterator[Problem]:
    """Params that decide nothing, and seeds that draw the same."""
    document = loaded.document
    for name, choices in loaded.lab.params.items():
        if len(set(choices)) == 1:
            text = f"`{name}` has one choice: write it where it is used."
            yield Problem(document.path, document.line(("params", name)), text)
    if not loaded.lab.params:
        return
    try:
        drawn = [variant(loaded, seed).params for seed in SEEDS]
    except AuthorError:
        return
    for index, params in enumerate(drawn):
        if params in drawn[:index]:
            text = f"Seeds {SEEDS[drawn.index(params)]} and {SEEDS[index]} draw the same: add choices."
            yield Problem(document.path, document.line(("params",)), text)


def _seed(loaded: LoadedLab, seed: int, cluster: Cluster | None) -> Iterator[Problem]:
    """What is wrong with the files as they are under a seed."""
    try:
        made = variant(loaded, seed)
    except AuthorError as error:
        yield from error.problems
        return
    parts: tuple[Callable[[Variant], Iterator[Problem]], ...] = (_guide, _solutions, _mistakes, _manifests)
    for part in parts:
        try:
            yield from part(made)
        except AuthorError as error:
            yield from error.problems
    if cluster is not None:
        yield from misspelt(guide(made), cluster)


def _guide(made: Variant) -> Iterator[Problem]:
    page = guide(made)
    yield from page_problems(page, all_run=False)
    for name in sorted(page.params.intersection(made.params) - made.told.keys()):
        text = f"The guide uses `{name}`, which is for the learner to find out."
        yield Problem(page.path, 0, text)


def _solutions(made: Variant) -> Iterator[Problem]:
    pages = solutions(made)
    for page in pages:
        yield from page_problems(page, all_run=True)
    text = "\n".join(block.text for page in pages for block in page.runs)
    for index, task in enumerate(made.tasks):
        for number, hint in enumerate(task.hints):
            if repeated := _repeated(hint, text):
                document = made.source.document
                line = document.line(("tasks", index, "hints", number))
                text_ = f"This hint repeats `{repeated}` of the solution: say what to look for instead."
                yield Problem(document.path, line, text_)


def _repeated(hint: str, solution: str) -> str:
    """The line of the solution, or the argument of one, that the hint gives away."""
    lines = [" ".join(line.split()) for line in solution.splitlines()]
    words = [word for line in lines for word in line.split() if "=" in word]
    plain = " ".join(hint.split())
    return next((it for it in (*lines, *words) if len(it) >= _REVEALING and it in plain), "")


def _mistakes(made: Variant) -> Iterator[Problem]:
    for mistake in mistakes(made):
        yield from page_problems(mistake.page, all_run=True)


def _mistaken(loaded: LoadedLab) -> Iterator[Problem]:
    """Tasks that no known mistake loses, so that nobody knows whether their checks ever fail alone."""
    try:
        lost = {task for mistake in mistakes(variant(loaded)) for task in mistake.loses}
    except AuthorError:
        return
    for task in loaded.lab.tasks:
        if task.id not in lost:
            text = f"No mistake loses the task `{task.id}`: add a page that names it under `loses`."
            yield Problem(loaded.folder / "mistakes", 0, text)


def _manifests(made: Variant) -> Iterator[Problem]:
    found = [document for path, text in setup(made) for document in documents(path, text)]
    for document in found:
        if (
            not isinstance(document.data, dict)
            or not {"apiVersion", "kind", "metadata"} <= document.data.keys()
        ):
            text = "A manifest has apiVersion, kind and metadata."
            yield Problem(document.path, document.line(()), text)
    list(guarded(made, [it.data for it in found if isinstance(it.data, dict)]))
