"""An API object as a check reads it: a dict with the few questions that checks ask over and over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a status's conditions; true when its status is True."""

    type: str
    status: str
    reason: str = ""
    message: str = ""

    def __bool__(self) -> bool:
        return self.status == "True"

    def __str__(self) -> str:
        text = f"{self.type}={self.status}" + (f", {self.reason}" if self.reason else "")
        return f"{text}: {self.message}" if self.message else text


class Resource(dict[str, Any]):
    """An object of the API, as it was when it was read."""

    @property
    def kind(self) -> str:
        return str(self.get("kind", ""))

    @property
    def name(self) -> str:
        return str(self.at("metadata", "name", default=""))

    @property
    def namespace(self) -> str:
        return str(self.at("metadata", "namespace", default=""))

    @property
    def labels(self) -> dict[str, str]:
        return self.at("metadata", "labels") or {}

    @property
    def annotations(self) -> dict[str, str]:
        return self.at("metadata", "annotations") or {}

    @property
    def ref(self) -> str:
        """`HTTPRoute orchard/helloworld`, as messages name it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def at(self, *path: str | int, default: Any = None) -> Any:
        """What stands at `path`, or `default`: `route.at("spec", "rules", 0, "backendRefs")`."""
        found: Any = self
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return default
        return found

    def condition(self, type: str, *, parent: str | None = None) -> Condition | None:
        """The status condition of that type; of a route, that of the parent named `parent`."""
        if parent is None:
            return _condition(type, self.at("status", "conditions"))
        for entry in self.at("status", "parents") or ():
            if entry.get("parentRef", {}).get("name") == parent:
                found = _condition(type, entry.get("conditions"))
                if found is not None:
                    return found
        return None


def _condition(type: str, entries: Iterable[dict[str, Any]] | None) -> Condition | None:
    for entry in entries or ():
        if entry.get("type") == type:
            return Condition(type, *(str(entry.get(key, "")) for key in ("status", "reason", "message")))
    return None
