"""An API object as a check reads it: a dict with the few questions that checks ask over and over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a status's conditions; true when its status is True.

    One that the status does not have is false as well, and says that it is absent. So nobody has to tell None
    from what is false.
    """

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def present(self) -> bool:
        """Whether the status has it, be it True, False or Unknown."""
        return bool(self.status)

    def __bool__(self) -> bool:
        return self.status == "True"

    def __str__(self) -> str:
        if not self.present:
            return f"no condition {self.type}"
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

    def condition(self, type: str, *, parent: str | None = None) -> Condition:
        """The status condition of that type; of a route, that of the parent named `parent`. Never None."""
        for entry in self._conditions(parent):
            if entry.get("type") == type:
                return Condition(type, *(str(entry.get(key, "")) for key in ("status", "reason", "message")))
        return Condition(type)

    def _conditions(self, parent: str | None) -> Iterator[dict[str, Any]]:
        if parent is None:
            yield from self.at("status", "conditions") or ()
        else:
            for entry in self.at("status", "parents") or ():
                if entry.get("parentRef", {}).get("name") == parent:
                    yield from entry.get("conditions") or ()
