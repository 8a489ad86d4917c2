"""nginx's configuration language: directives, some of which have a block of further ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from pocketmesh.node.process import Files

_TOKEN: Final = re.compile(
    r"""\#[^\n]*|\n|\s+|[;{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{|[^\s;{}])+"""
)
_MOST_INCLUDES: Final = 100


class Emergency(Exception):
    """A configuration that nginx would not start with; the message is nginx' own."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: where it stands, and what is in its block, if it has one."""

    name: str
    words: tuple[str, ...]
    place: str
    block: Block | None = None


Block: TypeAlias = tuple[Directive, ...]


def read(files: Files, path: str) -> Block:
    """The directives of a file, with what it includes. Raises Emergency."""
    left = [_MOST_INCLUDES]

    def included(pattern: str) -> Block:
        left[0] -= 1
        if left[0] < 0:
            raise Emergency(f'too many files are included, the last "{pattern}"')
        wanted = pattern if pattern.startswith("/") else f"/etc/nginx/{pattern}"
        names = [name for name in files.below(wanted.rpartition("/")[0]) if fnmatchcase(name, wanted)]
        return tuple(one for name in sorted(names) for one in one_file(name))

    def one_file(name: str) -> Block:
        try:
            text = files.read(name).decode(errors="replace")
        except FileNotFoundError:
            raise Emergency(f'open() "{name}" failed (2: No such file or directory)') from None
        return parse(text, name, included)

    return one_file(path)


def parse(text: str, path: str, included: Callable[[str], Block] = lambda _: ()) -> Block:
    """The directives of a text. Raises Emergency."""
    tokens = _tokens(text)
    found, ended = _block(tokens, path, included)
    if ended:
        raise Emergency(f'unexpected "}}" in {path}:{ended}')
    return found


def _block(
    tokens: Iterator[tuple[str, int]], path: str, included: Callable[[str], Block]
) -> tuple[Block, int]:
    """Directives up to the end of a block, and the line of its brace; 0 at the end of the file."""
    found: list[Directive] = []
    words: list[str] = []
    line = 0
    for token, line in tokens:
        if token == "}" and not words:
            return tuple(found), line
        if token == ";" and words:
            if words[0] == "include":
                found += included(words[1]) if len(words) > 1 else ()
            else:
                found.append(Directive(words[0], tuple(words[1:]), f"{path}:{line}"))
            words = []
        elif token == "{" and words:
            place = f"{path}:{line}"
            inner, ended = _block(tokens, path, included)
            if not ended:
                raise Emergency(f'unexpected end of file, expecting "}}" in {place}')
            found.append(Directive(words[0], tuple(words[1:]), place, inner))
            words = []
        elif token in (";", "{", "}"):
            raise Emergency(f'unexpected "{token}" in {path}:{line}')
        else:
            words.append(_unquoted(token))
    if words:
        raise Emergency(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
    return tuple(found), 0


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        token = match.group()
        if not token.isspace() and not token.startswith("#"):
            yield token, line
        line += token.count("\n")


def _unquoted(token: str) -> str:
    if token[0] not in "\"'" or token[-1] != token[0]:
        return token
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token[1:-1], flags=re.S)


_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
