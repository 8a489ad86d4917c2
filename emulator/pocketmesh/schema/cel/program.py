"""Expressions compiled once, and evaluated on plain JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pocketmesh.schema.cel.engine import engine
from pocketmesh.schema.cel.errors import NO_SUCH_OVERLOAD, CompileError, EvaluationError
from pocketmesh.schema.cel.functions import FUNCTIONS, OURS, OURS_ALONE
from pocketmesh.schema.cel.source import escaped_names, fields, presented, reduced, renamed

_CALLBACK_FAILED = re.compile(r"Python function call failed: \w+: (.*)\. Check function arguments", re.DOTALL)
_UNPARSED = re.compile(r"Function '(int|uint|double|timestamp)' error")
_UNKNOWN = re.compile(r"Undefined variable or function: '(\w+)'")
_WHOLE = frozenset({()})
_TYPE_NAMES = {"timestamp": "google.protobuf.Timestamp"}


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression, the variables that it names with the paths by which it looks into them, and the
    functions that it may call."""

    variables: frozenset[str]
    _fields: Mapping[str, frozenset[tuple[str, ...]]]
    _functions: Mapping[str, Callable[..., Any]]
    _escaped: Mapping[str, str]
    _compiled: Any

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The expression's value. Raises EvaluationError."""
        wanted = {
            name: presented(reduced(value, self._fields.get(name, _WHOLE)), self._escaped)
            for name, value in variables.items()
            if name in self.variables
        }
        try:
            return self._compiled.execute(engine().Context(wanted, dict(self._functions)))
        except Exception as error:
            raise EvaluationError(_said(error)) from error


@cache
def compiled(expression: str) -> Program:
    """The program for an expression. Raises CompileError."""
    if not expression.strip():
        raise CompileError("rule is not specified")
    try:
        program = engine().compile(renamed(expression, OURS, OURS_ALONE))
    except ValueError as error:
        raise CompileError(f"compilation failed: {_placed(str(error))}") from error
    called = program.functions()
    return Program(
        variables=frozenset(program.variables()),
        _fields=fields(expression),
        _functions={name: FUNCTIONS[name] for name in FUNCTIONS if name.rpartition(".")[2] in called},
        _escaped=escaped_names(expression),
        _compiled=program,
    )


def optional(value: Any) -> Any:
    """`value` as a CEL optional; None is the empty one."""
    values = engine().OptionalValue
    return values.none() if value is None else values.of(presented(value, {}))


def _placed(text: str) -> str:
    """A syntax error as cel-go lays it out, without the expression in front."""
    _, found, place = text.partition(": ERROR: ")
    return f"ERROR: {place}".replace("\n|", "\n |") if found else text


def _said(error: Exception) -> str:
    """What cel-go says where the Rust library raises `error`."""
    text = str(error)
    if isinstance(error, KeyError):
        return f"no such key: {error.args[0]}"
    if isinstance(error, TypeError):
        return NO_SUCH_OVERLOAD
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, OverflowError):
        return "integer overflow"
    if failed := _CALLBACK_FAILED.search(text):
        return failed[1]
    if unparsed := _UNPARSED.search(text):
        wanted = unparsed[1]
        return f"type conversion error from 'string' to '{_TYPE_NAMES.get(wanted, wanted)}'"
    if unknown := _UNKNOWN.search(text):
        return NO_SUCH_OVERLOAD if unknown[1] in KNOWN else f"undeclared reference to '{unknown[1]}'"
    return text


# The functions and types that an expression may name.
KNOWN = frozenset(
    {
        *FUNCTIONS,
        *("contains", "endsWith", "matches", "startsWith"),
        *("bytes", "double", "dyn", "int", "timestamp", "type", "uint"),
    }
)
