"""What is wrong with the query of a request, in the words that kube-apiserver has for it. Pure.

Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation and .../internalversion/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from multidict import MultiMapping

from pocketmesh.schema import errors
from pocketmesh.schema.errors import FieldError

_MATCH: Final = "resourceVersionMatch"
_MATCHES: Final = ("Exact", "NotOlderThan", "")
_VALIDATIONS: Final = ("", "Ignore", "Strict", "Warn")
_LONGEST_MANAGER: Final = 128


def of_write(query: MultiMapping[str], patch: str = "") -> list[FieldError]:
    """Of a create, an update or a patch; `patch` is "apply" or another, empty for no patch."""
    return list(_of_write(query, patch))


def _of_write(query: MultiMapping[str], patch: str) -> Iterator[FieldError]:
    manager = query.get("fieldManager", "")
    if patch == "apply" and not manager:
        yield errors.required("fieldManager", "is required for apply patch")
    if patch and patch != "apply" and "force" in query:
        yield errors.forbidden("force", "may not be specified for non-apply patch")
    if len(manager.encode()) > _LONGEST_MANAGER:
        yield errors.too_long("fieldManager", _LONGEST_MANAGER)
    rehearsed = [value for value in query.getall("dryRun", []) if value]
    if rehearsed and set(rehearsed) != {"All"}:
        yield errors.unsupported("dryRun", rehearsed[0], ("All",))
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        yield errors.unsupported("fieldValidation", validation, _VALIDATIONS)


def of_list(query: MultiMapping[str]) -> list[FieldError]:
    """Of a list."""
    return list(_of_list(query))


def _of_list(query: MultiMapping[str]) -> Iterator[FieldError]:
    match, revision = query.get(_MATCH, ""), query.get("resourceVersion", "")
    if match:
        if not revision:
            yield errors.forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        if query.get("continue"):
            yield errors.forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")
        if match not in _MATCHES:
            yield errors.unsupported(_MATCH, match, _MATCHES)
        if match == "Exact" and revision == "0":
            yield errors.forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in query:
        yield errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def of_watch(query: MultiMapping[str]) -> list[FieldError]:
    """Of a watch."""
    return list(_of_watch(query))


def _of_watch(query: MultiMapping[str]) -> Iterator[FieldError]:
    match, initial = query.get(_MATCH, ""), "sendInitialEvents" in query
    if initial and match != "NotOlderThan":
        yield errors.forbidden(_MATCH, f"sendInitialEvents requires setting {_MATCH} to NotOlderThan")
    if match:
        if not initial:
            why = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
            yield errors.forbidden(_MATCH, why)
        if match != "NotOlderThan":
            yield errors.unsupported(_MATCH, match, ("NotOlderThan",))
        if query.get("continue"):
            yield errors.forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")
