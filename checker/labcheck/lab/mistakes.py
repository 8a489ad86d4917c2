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
from labcheck.lab.frontmatter import front_matter
from labcheck.lab.model import Lab
from labcheck.lab.pages import Page, read, rendered
from labcheck.lab.variant import Variant
from labcheck.yamltext import Document

_FIELDS = ("loses", "why")
_ABSENT = (
    "A mistake begins with front matter: a line `---`, then `loses: [task, …]` and `why: …`, then `---`."
)


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
    text = read(path)
    front = front_matter(path, text, _FIELDS)
    if front is None:
        raise AuthorError.at(path, 1, _ABSENT)
    document = front.document
    if problems := list(_unknown(document, variant.source.lab)) or list(_incomplete(document)):
        raise AuthorError(problems)
    why = document.data["why"].strip()
    return Mistake(rendered(variant, path, text, front), tuple(document.data["loses"]), why)


def _unknown(document: Document, lab: Lab) -> Iterator[Problem]:
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
