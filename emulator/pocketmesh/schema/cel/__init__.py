"""CEL as Kubernetes speaks it: the rules in a CustomResourceDefinition's `x-kubernetes-validations`.

The language comes from one Rust library, which nobody outside this package sees; Kubernetes' function
library is written here. Nothing is compiled, or even imported, before the first rule is judged.

Known differences: what the library cannot parse (`a.?b`, backquoted names, two-variable macros, `cel.bind`)
is answered as a rule compile error; types are not checked beforehand and costs are not counted; strings of
format date-time or duration stay strings; `exists` stops at an error that a later element would absorb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pocketmesh.schema.cel.errors import CompileError, EvaluationError


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`; the names are the API's."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = "FieldValueInvalid"
    field_path: str = ""
    optional_old_self: bool = False

    def evaluate(self, value: Any, old: Any = None) -> str | None:
        """What is wrong with `value`, which replaces `old`; None when the rule holds or does not apply.

        A rule about `oldSelf` applies only when there is an old value. A rule that cannot be evaluated is a
        fault of the value too, as upstream (apiextensions `pkg/apiserver/schema/cel/validation.go`).
        """
        from pocketmesh.schema.cel.program import compiled, optional

        if value is None:
            return None
        try:
            program = compiled(self.expression)
        except CompileError as error:
            return f"rule compile error: {error}"
        if "oldSelf" in program.variables and old is None and not self.optional_old_self:
            return None
        variables = {"self": value, "oldSelf": optional(old) if self.optional_old_self else old}
        try:
            holds = program.evaluate(variables)
        except EvaluationError as error:
            return self._unevaluated(error)
        return None if holds is True else self._refusal(variables)

    def _refusal(self, variables: Mapping[str, Any]) -> str:
        from pocketmesh.schema.cel.program import compiled

        if self.message_expression:
            try:
                said = compiled(self.message_expression).evaluate(variables)
            except (CompileError, EvaluationError):
                said = None
            if isinstance(said, str) and said.strip() and "\n" not in said.strip():
                return said.strip()
        return self.message.strip() or f"failed rule: {self._name}"

    def _unevaluated(self, error: EvaluationError) -> str:
        if str(error).startswith("no such overload"):
            unmatched = "call arguments did not match a supported operator, function or macro signature"
            return f"'{error}': {unmatched} for rule: {self._name}"
        return f"{error} evaluating rule: {self._name}"

    @property
    def _name(self) -> str:
        return self.message.strip() or self.expression.strip()


def rule(document: Mapping[str, Any]) -> Rule:
    """The rule that one entry of `x-kubernetes-validations` describes."""
    return Rule(
        expression=document.get("rule") or "",
        message=document.get("message") or "",
        message_expression=document.get("messageExpression") or "",
        reason=document.get("reason") or "FieldValueInvalid",
        field_path=document.get("fieldPath") or "",
        optional_old_self=bool(document.get("optionalOldSelf")),
    )
