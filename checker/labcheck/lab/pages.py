"""A lab's pages and manifests with the params of a variant filled in.

Blocks to run are executed by `verify` and `solution --run`, in order, each by a bash of its own with `-e`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from labcheck.errors import AuthorError
from labcheck.lab.blocks import Block, blocks
from labcheck.lab.frontmatter import FrontMatter, front_matter
from labcheck.lab.templates import render, used
from labcheck.lab.variant import Variant, variant
from labcheck.yamltext import Document, documents


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its params filled in; `markdown` is ready for any Markdown reader."""

    path: Path
    markdown: str
    blocks: tuple[Block, ...]
    first_line: int = 1
    """Of the file, where `markdown` begins."""
    needs: tuple[str, ...] = ()
    """Programs that the blocks need besides bash and kubectl."""
    params: frozenset[str] = frozenset()
    """The params that it was filled in with."""

    @property
    def runs(self) -> tuple[Block, ...]:
        """The blocks that are executed."""
        return tuple(block for block in self.blocks if block.run)


def page(variant: Variant, path: Path) -> Page:
    """The page at `path`. Raises AuthorError with file and line."""
    text = read(path)
    return rendered(variant, path, text, front_matter(path, text))


def guide(variant: Variant) -> Page:
    """The learner's page."""
    return page(variant, variant.folder / "guide.md")


def solutions(variant: Variant) -> list[Page]:
    """The reference solution first, then the other accepted ways by name."""
    others = sorted((variant.folder / "solutions").glob("*.md"))
    return [page(variant, path) for path in (variant.folder / "solution.md", *others)]


def setup(variant: Variant) -> list[tuple[Path, str]]:
    """The manifests of `setup/`, in name order, with params filled in."""
    paths = sorted((variant.folder / "setup").glob("*.yaml"))
    return [(path, render(read(path), variant.params, path)) for path in paths]


def setup_documents(variant: Variant) -> list[Document]:
    """The objects of the setup, each knowing its lines. Raises AuthorError."""
    return [it for path, text in setup(variant) for it in documents(path, text)]


def namespaces(variant: Variant) -> list[str]:
    """The namespaces that the setup makes."""
    return [it.data["metadata"]["name"] for it in setup_documents(variant) if it.data["kind"] == "Namespace"]


def under_prefix(made: Variant, prefix: str) -> Variant:
    """The variant with `prefix` before the names of its namespaces, wherever a param has drawn them."""
    if prefix == made.prefix:
        return made
    ours = set(namespaces(made))
    drawn = {name: f"{prefix}{value}" if value in ours else value for name, value in made.params.items()}
    return replace(variant(made.source, made.seed, drawn), prefix=prefix)


def read(path: Path) -> str:
    """A file of the lab. Raises AuthorError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuthorError.at(path, 0, f"This file cannot be read: {error}.") from None


def rendered(variant: Variant, path: Path, source: str, front: FrontMatter | None) -> Page:
    """The page that the file's text makes, without what stands above it."""
    source, first_line = (front.body, front.first_line) if front else (source, 1)
    text = render(source, variant.params, path, first_line)
    lines = text.split("\n")
    found = tuple(blocks(path, lines, first_line))
    for block in found:
        if block.run:  # a reader of Markdown knows the language only
            opening = block.line - first_line - 1
            lines[opening] = re.sub(r"\s+run\s*$", "", lines[opening])
    needs = front.needs if front else ()
    return Page(path, "\n".join(lines), found, first_line, needs, used(source))
