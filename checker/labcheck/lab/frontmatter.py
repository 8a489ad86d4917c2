"""What stands above a page: a YAML mapping between two lines `---`.

Any page may say which programs its commands need besides bash and kubectl, so that whoever lacks one can pass
it over; a mistake says more.

---
needs: [helm]
---
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labcheck.errors import AuthorError, Problem, did_you_mean
from labcheck.yamltext import Document, documents

_COMMON = ("needs",)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The mapping above a page, the page itself, and the line of the file on which that begins."""

    document: Document
    body: str
    first_line: int

    @property
    def needs(self) -> tuple[str, ...]:
        """The programs that the page's commands need."""
        return tuple(self.document.data.get("needs", ()))


def front_matter(
    path: Path, text: str, fields: Iterable[str] = (), optional: Iterable[str] = ()
) -> FrontMatter | None:
    """What stands above the page; None when nothing does. It may have `fields` besides `needs`, of which
    those in `optional` are mentioned to nobody who has none at all.

    Raises AuthorError.
    """
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in lines[1:]:
        return None
    end = lines.index("---", 1)
    found = documents(path, "\n".join(["", *lines[1:end]]))
    known = (*fields, *optional, *_COMMON)
    if not found or not isinstance(found[0].data, dict):
        names = " and ".join(f"`{name}`" for name in (fields or known))
        raise AuthorError.at(path, 1, f"The front matter must be a mapping with {names}.")
    if problems := list(_problems(found[0], known)):
        raise AuthorError(problems)
    return FrontMatter(found[0], "\n".join(lines[end + 1 :]), end + 2)


def _problems(document: Document, known: Iterable[str]) -> Iterator[Problem]:
    for key in document.data:
        if key not in known:
            text = f"There is no field `{key}` here. {did_you_mean(str(key), known)}"
            yield Problem(document.path, document.line((str(key),)), text)
    needs = document.data.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(name, str) for name in needs):
        yield Problem(document.path, document.line(("needs",)), "`needs` must be a list of programs.")
