"""Known wrong answers: a page of commands whose front matter says which tasks it must lose, and why learners
do it.

---
loses: [bound, split]
why: The label accepts any name; a waypoint that does not exist is skipped.
---
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labcheck.errors import AuthorError, Problem, did_you_mean
from labcheck.lab.model import Lab
from labcheck.lab.pages import Page, read, rendered
from labcheck.lab.variant import Variant
from labcheck.yamltext import Document, documents

_FIELDS = ("loses", "why")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A page of commands that is wrong in a known way."""

    page: Page
    loses: tuple[str, ...]
    why: str

    @property
    def name(self) -> str:
        return self.page.path.stem


def mistakes(variant: Variant) -> list[Mistake]:
    """The known wrong answers, by name."""
    return [_mistake(variant, path) for path in sorted((variant.folder / "mistakes").glob("*.md"))]


def _mistake(variant: Variant, path: Path) -> Mistake:
    front, body, first_line = _front_matter(path, read(path))
    tasks, why = _front_fields(path, front, variant.source.lab)
    return Mistake(rendered(variant, path, body, first_line), tasks, why)


def _front_matter(path: Path, text: str) -> tuple[str, str, int]:
    """The front matter, the rest, and the line on which the rest begins."""
    lines = text.split("\n")
    if lines[0].strip() == "---" and "---" in lines[1:]:
        end = lines.index("---", 1)
        return "\n".join(["", *lines[1:end]]), "\n".join(lines[end + 1 :]), end + 2
    raise AuthorError.at(
        path,
        1,
        "A mistake begins with front matter: a line `---`, then `loses: [task, …]` and `why: …`, then `---`.",
    )


def _front_fields(path: Path, front: str, lab: Lab) -> tuple[tuple[str, ...], str]:
    found = documents(path, front)
    if not found or not isinstance(found[0].data, dict):
        raise AuthorError.at(path, 1, "The front matter must be a mapping with `loses` and `why`.")
    document = found[0]
    problems = list(_unknown(document, lab)) or list(_incomplete(document))
    if problems:
        raise AuthorError(problems)
    return tuple(document.data["loses"]), document.data["why"].strip()


def _unknown(document: Document, lab: Lab) -> Iterator[Problem]:
    for key in document.data:
        if key not in _FIELDS:
            text = f"There is no field `{key}` here. {did_you_mean(str(key), _FIELDS)}"
            yield Problem(document.path, document.line((str(key),)), text)
    ids = [task.id for task in lab.tasks]
    loses = document.data.get("loses")
    for index, task in enumerate(loses if isinstance(loses, list) else ()):
        if task not in ids:
            text = f"There is no task `{task}`. {did_you_mean(str(task), ids)}"
            yield Problem(document.path, document.line(("loses", index)), text)


def _incomplete(document: Document) -> Iterator[Problem]:
    loses, why = document.data.get("loses"), document.data.get("why")
    if not isinstance(loses, list) or not loses:
        yield Problem(
            document.path, document.line(("loses",)), "`loses` must be a list of the tasks that are lost."
        )
    if not isinstance(why, str) or not why.strip():
        yield Problem(document.path, document.line(("why",)), "`why` must say why learners do this.")
