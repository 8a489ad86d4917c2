"""What is wrong with a lab's checks, by reading `test_lab.py`; it is never executed.

A refusal proves something only beside a request that is allowed over the same path: "403" or "reset" also
holds where nothing runs at all. So refusals are claimed with `expect.refused(…, control=…)` and in no other
way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from labcheck.errors import AuthorError, Problem, did_you_mean
from labcheck.lab.model import Lab
from labcheck.lab.pages import read

_CLAIM_WIDTH = 72
_INSTEAD = (
    "Claim it with `expect.refused(…, by=…, control=…)`: without a control it holds where nothing runs."
)


def check_problems(lab: Lab, path: Path) -> Iterator[Problem]:
    """A check for each task, a task for each check, a claim for the learner, a control for each refusal."""
    try:
        tree = ast.parse(read(path), str(path))
    except AuthorError as error:
        yield from error.problems
        return
    except SyntaxError as error:
        yield Problem(path, error.lineno or 0, f"This is not valid Python: {error.msg}.")
        return
    yield from _tasks(lab, path, tree)
    found = {*_refusals(tree), *_compared_with_none(tree)}
    yield from (Problem(path, line, text) for line, text in sorted(found))


def _tasks(lab: Lab, path: Path, tree: ast.Module) -> Iterator[Problem]:
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


def _refusals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="refused"), args=args, keywords=keywords):
                yield from _control(node, args, {it.arg: it.value for it in keywords})
            case ast.Call(func=ast.Attribute(attr="equal" | "answered"), keywords=keywords):
                for it in keywords:
                    if it.arg in {"expected", "code"} and _is_refusal(it.value):
                        yield node.lineno, f"A refusal without a control. {_INSTEAD}"
            case ast.Compare(left=left, comparators=others):
                if any(map(_is_refusal, (left, *others))):
                    yield node.lineno, f"A refusal without a control. {_INSTEAD}"


def _compared_with_none(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Conditions that are asked whether they are None: the answer is always no."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_condition(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=[ast.Constant(value=None)]) if _is_condition(left) or (
                isinstance(left, ast.Name) and left.id in names
            ):
                yield node.lineno, "A condition is never None: ask whether it is `.present`."


def _is_condition(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "condition"


def _control(
    call: ast.Call, args: list[ast.expr], keywords: dict[str | None, ast.expr]
) -> Iterator[tuple[int, str]]:
    control = keywords.get("control")
    if None in keywords:  # **kwargs: nobody can tell from here.
        return
    if control is None or (isinstance(control, ast.Constant) and control.value is None):
        yield call.lineno, f"`refused` has no control. {_INSTEAD}"
    elif args and ast.dump(args[0]) == ast.dump(control):
        yield call.lineno, "This refusal is its own control: the control is a request that must be answered."


def _is_refusal(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=int(code)) if not isinstance(code, bool):
            return code in {401, 403, 503}
        case ast.Attribute(value=ast.Name(id="Refusal")) | ast.Attribute(value=ast.Attribute(attr="Refusal")):
            return True
    return False
