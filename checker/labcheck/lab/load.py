"""Reading a lab's folder: shape by the model, then what its parts say about each other, all with lines.

Refuses a lab as a whole: whoever holds a `LoadedLab` may rely on every id in it.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError

from labcheck.errors import AuthorError, Problem, did_you_mean
from labcheck.lab.curriculum import COMPETENCIES, domain
from labcheck.lab.find import LAB_FILE
from labcheck.lab.model import Lab
from labcheck.yamltext import Document, Place, documents

REQUIRED_FILES = ("guide.md", "solution.md", "test_lab.py")


@dataclass(frozen=True)
class LoadedLab:
    """A lab that is sound, and the document it was read from."""

    folder: Path
    lab: Lab
    document: Document


def load(folder: Path) -> LoadedLab:
    """The lab in `folder`. Raises AuthorError with every problem that was found."""
    manifest = folder / LAB_FILE
    try:
        text = manifest.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuthorError.at(manifest, 0, f"The lab's description cannot be read: {error}.") from None
    found = documents(manifest, text)
    if len(found) != 1 or not isinstance(found[0].data, dict):
        raise AuthorError.at(manifest, 1, "A lab's description is one mapping: id, title, domain, …")
    document = found[0]
    try:
        lab = Lab.model_validate(document.data)
    except ValidationError as error:
        raise AuthorError(sorted(_shape_problems(document, error), key=lambda it: it.line)) from None
    problems = [
        *(Problem(manifest, document.line(place), text) for place, text in contradictions(lab, folder.name)),
        *(Problem(folder / name, 0, "This file is missing.") for name in missing_files(folder)),
    ]
    if problems:
        raise AuthorError(problems)
    return LoadedLab(folder, lab, document)


def missing_files(folder: Path) -> list[str]:
    """The files that every lab has and this folder has not."""
    return [name for name in REQUIRED_FILES if not (folder / name).is_file()]


def contradictions(lab: Lab, folder_name: str) -> Iterator[tuple[Place, str]]:
    """What the fields of a well-formed lab say against each other, and where."""
    if lab.id != folder_name:
        yield ("id",), f"The id `{lab.id}` is not the folder's name, `{folder_name}`."
    for name in lab.params:
        if hasattr(dict, name):
            yield ("params", name), f"A param cannot be called `{name}`: checks read params from a dict."
    yield from _unknown_params(lab)
    ids = [task.id for task in lab.tasks]
    for index, task in enumerate(lab.tasks):
        if task.id in ids[:index]:
            yield ("tasks", index, "id"), f"The task id `{task.id}` is used twice."
        for position, needed in enumerate(task.needs):
            place = ("tasks", index, "needs", position)
            if needed == task.id:
                yield place, f"The task `{task.id}` needs itself."
            elif needed not in ids:
                yield place, f"There is no task `{needed}`. {did_you_mean(needed, ids)}"
    yield from _unknown_guards(lab, ids)
    yield from _wrong_competencies(lab)
    cycle = _cycle(lab)
    if cycle:
        first = ids.index(cycle[0])
        yield ("tasks", first, "needs"), f"Tasks need each other in a circle: {' → '.join(cycle)}."
    if lab.points is not None and lab.points != lab.total:
        yield ("points",), f"The lab says {lab.points} points; its tasks add up to {lab.total}."


def _unknown_params(lab: Lab) -> Iterator[tuple[Place, str]]:
    for field, names in (("secrets", lab.secrets), ("faults", lab.faults)):
        for index, name in enumerate(names):
            if name not in lab.params:
                yield (field, index), f"There is no param `{name}`. {did_you_mean(name, lab.params)}"


def _unknown_guards(lab: Lab, ids: Sequence[str]) -> Iterator[tuple[Place, str]]:
    for index, guard in enumerate(lab.guarded):
        for position, task in enumerate(guard.tasks):
            if task not in ids:
                place = ("guarded", index, "tasks", position)
                yield place, f"There is no task `{task}`. {did_you_mean(task, ids)}"


def _wrong_competencies(lab: Lab) -> Iterator[tuple[Place, str]]:
    for index, named in enumerate(lab.competencies):
        if named not in COMPETENCIES:
            place = ("competencies", index)
            yield place, f"The exam has no competency `{named}`. {did_you_mean(named, COMPETENCIES)}"
        elif named in lab.competencies[:index]:
            yield ("competencies", index), f"The competency `{named}` is named twice."
    own = domain(lab.domain).competencies
    if lab.competencies and not own.keys() & set(lab.competencies):
        text = f"None of these is a competency of the lab's domain, which has {', '.join(own)}."
        yield ("competencies",), text


def _cycle(lab: Lab) -> list[str]:
    ids = {task.id for task in lab.tasks}
    graph = {task.id: {need for need in task.needs if need in ids and need != task.id} for task in lab.tasks}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists a node before the one that needs it; readers think the other way round.
        return list(reversed(error.args[1]))
    return []


def _shape_problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    by_place: dict[Place, list[Any]] = {}
    for detail in error.errors(include_url=False):
        by_place.setdefault(_place(document, detail), []).append(detail)
    for place, details in by_place.items():
        inner = any(other[: len(place)] == place and other != place for other in by_place)
        if not (inner and details[0]["type"] == "too_short"):  # short only because of what is wrong inside
            yield Problem(document.path, document.line(place), _explain(details, place))


def _place(document: Document, detail: Any) -> Place:
    """pydantic's location without the names of union arms and of key checks, which no file contains."""
    kept: Place = ()
    for step in detail["loc"]:
        if (*kept, step) in document.lines:
            kept = (*kept, step)
    return (*kept, detail["loc"][-1]) if detail["type"] == "missing" else kept


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _explain(details: Sequence[Any], place: Place) -> str:
    """One sentence for what is wrong at `place`; a union reports there once for each of its arms."""
    detail, name, noun = details[0], str(place[-1]) if place else "", _noun(place)
    kinds = list(dict.fromkeys(_KINDS[it["type"]] for it in details if it["type"] in _KINDS))
    if kinds:
        return f"`{noun}` must be {' or '.join(kinds)}, not `{detail['input']}`."
    match detail["type"]:
        case "extra_forbidden":
            return f"There is no field `{name}` here. {did_you_mean(name, _fields_at(place[:-1]))}"
        case "missing":
            return f"The field `{name}` is missing."
        case "too_short" | "string_too_short":
            return f"`{noun}` must not be empty."
        case "literal_error":
            valid = _quoted(detail["ctx"]["expected"])
            return (
                f"`{detail['input']}` is not valid for `{noun}`. {did_you_mean(str(detail['input']), valid)}"
            )
        case "string_pattern_mismatch":
            return f"`{detail['input']}` is not a valid name: it must match `{detail['ctx']['pattern']}`."
        case _:
            return f"`{noun}` is wrong: {detail['msg'][:1].lower()}{detail['msg'][1:]}."


def _noun(place: Place) -> str:
    return str(next((step for step in reversed(place) if isinstance(step, str)), "lab"))


def _quoted(expected: str) -> list[str]:
    return [part for index, part in enumerate(expected.split("'")) if index % 2]


def _fields_at(place: Iterable[int | str]) -> list[str]:
    """The fields that the model allows at `place`."""
    kind: Any = Lab
    for step in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(step))
            kind = field.annotation if field else None
        else:
            arms = typing.get_args(kind)
            kind = next((arm for arm in reversed(arms) if arm is not Ellipsis), None)
        if isinstance(kind, UnionType):
            kind = typing.get_args(kind)[0]
        if typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
