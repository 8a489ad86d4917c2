"""What is wrong with an expression before it is ever asked about a value, as cel-go's checker says it.

Found are what cannot be parsed, names that nobody declared, and fields that a schema does not have. Types are
not inferred: `1 + "a"` is noticed when it is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Final

from pocketmesh.schema.cel.errors import CompileError
from pocketmesh.schema.cel.program import KNOWN, compiled
from pocketmesh.schema.cel.source import names
from pocketmesh.schema.structural import Schema

_BOUND: Final = re.compile(
    r"\.\s*(?:all|exists|exists_one|existsOne|filter|map|sortBy|transformList|transformMap)"
    r"\s*\(\s*(\w+)\s*,(?:\s*(\w+)\s*,)?"
)
_TYPES: Final = frozenset(
    {
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "type",
        "uint",
    }
)
_TEST: Final = re.compile(r"\bhas\s*\($")
_STEP: Final = re.compile(r"\s*(\.)\s*([A-Za-z_]\w*)(\s*\()?|\s*\[")


def problem(expression: str, variables: Set[str], schema: Schema | None = None) -> str | None:
    """Why an expression over these variables does not compile, None when it does.

    `schema` is that of `self` and `oldSelf`.
    """
    try:
        program = compiled(expression)
    except CompileError as error:
        return str(error)
    bound = {name for match in _BOUND.findall(expression) for name in match if name}
    for name in sorted(program.variables - variables - bound - _TYPES - KNOWN):
        if (at := next((start for start, found in names(expression) if found == name), None)) is not None:
            return _located(expression, at, f"undeclared reference to '{name}' (in container '')")
    if schema is not None:
        for at, field in _unknown_fields(expression, schema, bound):
            return _located(expression, at, f"undefined field '{field}'")
    return None


def _unknown_fields(expression: str, schema: Schema, bound: Set[str]) -> Iterator[tuple[int, str]]:
    """Fields that are named on the way down from `self`, with the place of their dot."""
    for start, name in names(expression):
        if name not in ("self", "oldSelf") or name in bound:
            continue
        here: Schema | None = schema
        position = start + len(name)
        while here is not None and (step := _STEP.match(expression, position)):
            if step[2] is None or step[3]:
                break
            if here.type != "object" or here.additional is not None or here.preserve_unknown:
                break
            if step[2] not in here.properties and "__" not in step[2] and not here.embedded_resource:
                tested = expression[:start].rstrip()
                # In `has(self.a)` it is the test that is wrong.
                at = len(tested) - 1 if _TEST.search(tested) else step.start(1)
                yield at, step[2]
                break
            here, position = here.properties.get(step[2]), step.end()


def _located(expression: str, at: int, what: str) -> str:
    before = expression[:at]
    line, column = before.count("\n"), at - (before.rfind("\n") + 1)
    text = expression.split("\n")[line]
    where = f"<input>:{line + 1}:{column + 1}"
    return f"compilation failed: ERROR: {where}: {what}\n | {text}\n | {'.' * column}^"
