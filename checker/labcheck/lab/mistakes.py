"""Known wrong answers: a page of commands whose front matter says which tasks it must lose, and why learners
do it.

---
loses: [bound, split]
why: The label accepts any name; a waypoint that does not exist is skipped.
after: solution
---

With `after: solution` the page begins in the solved lab and only spoils it; else it begins where the learner
does.
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
_BEGINNINGS = ("solution",)
_ABSENT = (
    "A mistake begins with front matter: a line `---`, then `loses: [task, …]` and `why: …`, then `---`."
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A page of commands that is wrong in a known way."""

    page: Page
    loses: tuple[str, ...]
    why: str
    solved: bool = False
    """Whether the page begins in the solved lab."""

    @property
    def name(self) -> str:
        return self.page.path.stem


def mistakes(variant: Variant) -> list[Mistake]:
    """The known wrong answers, by name."""
    return [_mistake(variant, path) for path in sorted((variant.folder / "mistakes").glob("*.md"))]


def _mistake(variant: Variant, path: Path) -> Mistake:
    text = read(path)
    front = front_matter(path, text, _FIELDS, ("after",))
    if front is None:
        raise AuthorError.at(path, 1, _ABSENT)
    document = front.document
    if problems := list(_unknown(document, variant.source.lab)) or list(_incomplete(document)):
        raise AuthorError(problems)
    why = document.data["why"].strip()
    solved = "after" in document.data
    return Mistake(rendered(variant, path, text, front), tuple(document.data["loses"]), why, solved)


def _unknown(document: Document, lab: Lab) -> Iterator[Problem]:
    ids = [task.id for task in lab.tasks]
    loses = document.data.get("loses")
    for index, task in enumerate(loses if isinstance(loses, list) else ()):
        if task not in ids:
            text = f"There is no task `{task}`. {did_you_mean(str(task), ids)}"
            yield Problem(document.path, document.line(("loses", index)), text)
    after = document.data.get("after", "solution")
    if after not in _BEGINNINGS:
        text = f"Nothing begins after `{after}`. {did_you_mean(str(after), _BEGINNINGS)}"
        yield Problem(document.path, document.line(("after",)), text)


def _incomplete(document: Document) -> Iterator[Problem]:
    loses, why = document.data.get("loses"), document.data.get("why")
    if not isinstance(loses, list) or not loses:
        yield Problem(
            document.path, document.line(("loses",)), "`loses` must be a list of the tasks that are lost."
        )
    if not isinstance(why, str) or not why.strip():
        yield Problem(document.path, document.line(("why",)), "`why` must say why learners do this.")
