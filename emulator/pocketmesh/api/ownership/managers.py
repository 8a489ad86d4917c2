"""The entries of `metadata.managedFields`: one for each manager, operation and subresource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from pocketmesh.api.ownership.fieldset import FieldSet, ordered, union
from pocketmesh.objects import Object

Operation: TypeAlias = Literal["Apply", "Update"]

_MOST_UPDATERS: Final = 10
_ANCIENT: Final = "ancient-changes"


class Malformed(Exception):
    """An entry that is no managedFields entry; the message says why, in upstream's words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one manager owns; the fields are in order."""

    manager: str
    operation: Operation
    api_version: str
    subresource: str = ""
    time: str = ""
    fields: FieldSet = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """An applier is the same one whatever version it speaks."""
        version = "" if self.operation == "Apply" else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    @property
    def shown(self) -> str:
        """As a conflict names it."""
        name = f'"{self.manager}"'
        if self.subresource:
            name += f' with subresource "{self.subresource}"'
        if self.operation == "Apply":
            return name
        return f"{name} using {self.api_version}" + (f" at {self.time}" if self.time else "")

    def written(self) -> Object:
        """As it stands in the object."""
        entry: Object = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
        }
        if self.time:
            entry["time"] = self.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = self.fields
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry


Owners: TypeAlias = list[Entry]


def kept(entries: Iterable[Object]) -> Owners:
    """The entries of a stored object, which were `written` here."""
    return [
        Entry(
            entry["manager"],
            entry["operation"],
            entry["apiVersion"],
            entry.get("subresource", ""),
            entry.get("time", ""),
            entry["fieldsV1"],
        )
        for entry in entries
    ]


def read(entries: Any) -> Owners:
    """The entries that a client states. Raises Malformed."""
    if not isinstance(entries, list):
        raise Malformed("managed fields must be a list")
    return [_entry(index, entry) for index, entry in enumerate(entries)]


def _entry(index: int, entry: Any) -> Entry:
    if not isinstance(entry, dict):
        raise Malformed(f"managed fields entry {index} must be an object")
    if entry.get("operation") not in ("Apply", "Update"):
        raise Malformed("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise Malformed("apiVersion must not be empty")
    if entry.get("fieldsType") != "FieldsV1":
        kind = entry.get("fieldsType")
        raise Malformed(
            f'invalid fieldsType "{kind}" in managed fields entry {index}'
            if kind
            else f"missing fieldsType in managed fields entry {index}"
        )
    fields = entry.get("fieldsV1") or {}
    if not _is_fieldset(fields):
        raise Malformed(f"error decoding set of managed fields entry {index}")
    texts = (str(entry.get(field) or "") for field in ("manager", "apiVersion", "subresource", "time"))
    manager, api_version, subresource, time = texts
    return Entry(manager, entry["operation"], api_version, subresource, time, ordered(fields))


def _is_fieldset(fields: Any) -> bool:
    return isinstance(fields, dict) and all(map(_is_fieldset, fields.values()))


def written(entries: Iterable[Entry]) -> list[Object]:
    """The entries in upstream's order, the oldest updates folded into one; empty ones are dropped."""
    kept = _folded([entry for entry in entries if entry.fields])
    kept.sort(
        key=lambda entry: (
            entry.operation,
            entry.time,
            entry.manager,
            entry.api_version,
            entry.subresource,
        )
    )
    return [entry.written() for entry in kept]


def _folded(entries: Owners) -> Owners:
    updates = sorted(
        (entry for entry in entries if entry.operation == "Update"), key=lambda entry: entry.time
    )
    surplus = len(updates) - _MOST_UPDATERS
    if surplus <= 0:
        return entries
    old = updates[: surplus + 1]
    ancient = replace(old[-1], manager=_ANCIENT, subresource="")
    for entry in old[:-1]:
        ancient = replace(ancient, fields=ordered(union(ancient.fields, entry.fields)))
    return [*(entry for entry in entries if entry not in old), ancient]
