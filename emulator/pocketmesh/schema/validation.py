"""Whether a custom resource is what its schema says, in the words of kube-apiserver.

Three passes, as upstream (apiextensions `pkg/registry/customresource/strategy.go`): the schema's own
constraints, uniqueness in lists, and CEL rules if nothing before made them pointless. On an update
whatever has not changed is not judged again.
"""

from __future__ import annotations

from pocketmesh.objects import Object
from pocketmesh.schema import constraints, uniqueness
from pocketmesh.schema.errors import FieldError, invalid
from pocketmesh.schema.structural import Schema

_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
_RULES_SKIPPED = invalid(
    "<nil>",
    None,
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def validate(schema: Schema, obj: Object, old: Object | None = None) -> list[FieldError]:
    """Everything that is wrong with an object; `old` is what it replaces."""
    found: list[FieldError] = []
    constraints.check(schema, obj, old, None, found)
    uniqueness.check(schema, obj, None, found)
    if schema.has_rules:
        if any(error.reason in _BLOCKING for error in found):
            found.append(_RULES_SKIPPED)
        else:
            from pocketmesh.schema import rules

            rules.check(schema, obj, old, None, found)
    return found
