"""The CEL of one policy, asked about one request. Pure.

Composed `variables` are computed when an expression first names them. Where one fails, so does the
expression, in upstream's words (k8s.io/apiserver/pkg/admission/plugin/cel/composition.go).
"""

from __future__ import annotations

import re
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema.cel.errors import CompileError, EvaluationError
from pocketmesh.schema.cel.program import compiled

_NAMED: Final = re.compile(r"\bvariables\s*\.\s*(\w+)")
_LONGEST_MESSAGE: Final = 5 * 1024


class Failed(Exception):
    """An expression has no value; the text is what a denial says."""


class Expressions:
    """One policy's expressions over the variables of one request and one parameter object."""

    def __init__(self, variables: Object, composed: list[Object]) -> None:
        self._variables = variables
        self._composed = {entry["name"]: entry["expression"] for entry in composed}
        self._values: dict[str, Any] = {}
        self._failures: dict[str, str] = {}

    def holds(self, expression: str) -> bool:
        """Whether an expression is true. Raises Failed."""
        return self._value(expression) is True

    def message(self, validation: Object) -> str:
        """What a broken validation says: its computed message, its plain one, or its expression."""
        said: Any = None
        if validation.get("messageExpression"):
            try:
                said = self._value(validation["messageExpression"])
            except Failed:
                said = None
        text = said.strip() if isinstance(said, str) else ""
        if not text or "\n" in text or len(text) > _LONGEST_MESSAGE:
            text = (validation.get("message") or "").strip()
        return text or f"failed expression: {validation['expression'].strip()}"

    def _value(self, expression: str) -> Any:
        try:
            return self._evaluated(expression)
        except (CompileError, EvaluationError) as error:
            raise Failed(f"expression '{expression}' resulted in error: {self._reason(error)}") from error

    def _evaluated(self, expression: str) -> Any:
        for name in _NAMED.findall(expression):
            self._compose(name)
        return compiled(expression).evaluate({**self._variables, "variables": self._values})

    def _compose(self, name: str) -> None:
        if name in self._values or name in self._failures or name not in self._composed:
            return
        try:
            value = self._evaluated(self._composed[name])
        except (CompileError, EvaluationError) as error:
            # It is left out, so that only who really needs it fails.
            reason = self._reason(error)
            self._failures[name] = f'composited variable "{name}" fails to evaluate: {reason}'
        else:
            self._values[name] = value

    def _reason(self, error: Exception) -> str:
        missing = str(error).removeprefix("no such key: ")
        return self._failures.get(missing, str(error))
