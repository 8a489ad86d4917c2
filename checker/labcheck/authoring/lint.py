"""What is wrong with a lab that nobody needs to run it for: files, templates, pages, and checks against
tasks.

Checks are read, never executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from labcheck.errors import AuthorError, Problem, did_you_mean
from labcheck.lab.load import LoadedLab, load
from labcheck.lab.mistakes import mistakes
from labcheck.lab.model import Lab
from labcheck.lab.pages import guide, setup, solutions
from labcheck.lab.variant import Variant, variant
from labcheck.yamltext import documents

SEEDS = (1, 2, 3)
_CLAIM_WIDTH = 72
_REVEALING = 24
"""Characters of a solution's line that no hint may repeat; shorter lines are names and brackets."""


def lint(folder: Path) -> list[Problem]:
    """Everything wrong with the lab in `folder`, in the order it was found; nothing twice."""
    try:
        loaded = load(folder)
    except AuthorError as error:
        return list(error.problems)
    found = [*_pages(loaded), *_revealing(loaded), *check_problems(loaded.lab, folder / "test_lab.py")]
    return list(dict.fromkeys(found))


def _pages(loaded: LoadedLab) -> Iterator[Problem]:
    for seed in SEEDS:
        try:
            made = variant(loaded, seed)
        except AuthorError as error:
            yield from error.problems
            return
        for part in (guide, solutions, mistakes, _manifests):
            try:
                part(made)
            except AuthorError as error:
                yield from error.problems


def _revealing(loaded: LoadedLab) -> Iterator[Problem]:
    """Hints that repeat a line of a solution."""
    try:
        made = variant(loaded, SEEDS[0])
        blocks = [block for page in solutions(made) for block in page.runs]
    except AuthorError:
        return
    lines = {line.strip() for block in blocks for line in block.text.splitlines()}
    for index, task in enumerate(made.tasks):
        for number, hint in enumerate(task.hints):
            if any(line in hint for line in lines if len(line) >= _REVEALING):
                line = loaded.document.line(("tasks", index, "hints", number))
                text = "This hint repeats a line of the solution: say what to look for instead."
                yield Problem(loaded.document.path, line, text)


def _manifests(made: Variant) -> None:
    for path, text in setup(made):
        documents(path, text)


def check_problems(lab: Lab, path: Path) -> Iterator[Problem]:
    """What the checks' file lacks: a check for each task, a task for each check, a claim for the learner."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        yield Problem(path, error.lineno or 0, f"This is not valid Python: {error.msg}.")
        return
    ids = [task.id for task in lab.tasks]
    judged: list[str] = []
    for check in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        if not check.name.startswith("test"):
            continue
        task = _task(check)
        if task is None:
            yield Problem(path, check.lineno, f'`{check.name}` judges no task: put `@task("…")` on it.')
            continue
        if task not in ids:
            yield Problem(path, check.lineno, f"There is no task `{task}`. {did_you_mean(task, ids)}")
        elif task in judged:
            yield Problem(path, check.lineno, f"The task `{task}` has a second check, `{check.name}`.")
        judged.append(task)
        claim = (ast.get_docstring(check) or "").split("\n")[0]
        if not claim:
            yield Problem(path, check.lineno, f"`{check.name}` has no docstring for the learner to read.")
        elif len(claim) > _CLAIM_WIDTH:
            text = f"The claim of `{check.name}` has {len(claim)} characters; {_CLAIM_WIDTH} fit."
            yield Problem(path, check.lineno, text)
    for task in ids:
        if task not in judged:
            yield Problem(path, 0, f'No check judges the task `{task}`: put `@task("{task}")` on one.')


def _task(check: ast.FunctionDef) -> str | None:
    for decorator in check.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="task"), args=[ast.Constant(value=str(found))]):
                return found
            case ast.Call(func=ast.Attribute(attr="task"), args=[ast.Constant(value=str(found))]):
                return found
    return None
