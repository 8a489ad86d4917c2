"""YAML that remembers on which line everything stands, so that an error can point there.

Refuses duplicate keys, which plain loaders silently merge, and never builds anything but plain data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from labcheck.errors import AuthorError

# The C loader where PyYAML was built with it: ten times faster, same marks.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its data and the 1-based line of each key and list item."""

    path: Path
    data: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def documents(path: Path, text: str) -> list[Document]:
    """All documents of `text` that are not empty; `path` is what errors name.

    Raises AuthorError for a syntax error, a duplicate key, or anything but plain data.
    """
    loader = _Loader(text)
    try:
        return list(_documents(path, loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        # The end of the text counts as one line more, where nothing can be seen.
        line = min(mark.line + 1, len(text.splitlines())) if mark else 0
        raise AuthorError.at(path, line, f"This is not valid YAML: {what}.") from None
    except yaml.YAMLError as error:
        raise AuthorError.at(path, 0, f"This is not valid YAML: {error}.") from None
    finally:
        loader.dispose()


def _documents(path: Path, loader: Any) -> Iterator[Document]:
    while loader.check_node():
        node = loader.get_node()
        lines: dict[Place, int] = {(): node.start_mark.line + 1}
        _note_lines(path, node, (), lines)
        data = loader.construct_document(node)
        if data is not None:
            yield Document(path, data, lines)


def _note_lines(path: Path, node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            line = key.start_mark.line + 1
            if inner in lines:
                raise AuthorError.at(
                    path,
                    line,
                    f"The key `{key.value}` stands here again, after line {lines[inner]}.",
                )
            lines[inner] = line
            _note_lines(path, value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*place, index] = item.start_mark.line + 1
            _note_lines(path, item, (*place, index), lines)
