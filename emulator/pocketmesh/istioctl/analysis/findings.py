"""What an analyzer finds, and how it is written down.

Upstream: istio/istio pkg/config/analysis/diag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pocketmesh.istioctl.analysis.world import World, place
from pocketmesh.objects import Object, name_of, namespace_of

LEVELS: Final = ("Error", "Warning", "Info")
"""The levels, the worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake of one object."""

    level: str
    code: str
    about: Object
    text: str

    @property
    def namespace(self) -> str:
        """The namespace that it counts to; empty for what is not in one."""
        return place(self.about)

    @property
    def origin(self) -> str:
        """The object, as `Service shop/helloworld`."""
        namespace = namespace_of(self.about)
        return f"{self.about['kind']} {f'{namespace}/' if namespace else ''}{name_of(self.about)}"

    def line(self, world: World) -> str:
        """It in one line."""
        file = world.source(self.about)
        return f"{self.level} [{self.code}] ({self.origin}{f' {file}' if file else ''}) {self.text}"

    def data(self, world: World) -> dict[str, str]:
        """It as data."""
        url = f"https://istio.io/latest/docs/reference/config/analysis/{self.code.lower()}/"
        found = {
            "code": self.code,
            "documentationUrl": f"{url}?ref=istioctl-analyze",
            "level": self.level,
            "message": self.text,
            "origin": self.origin,
        }
        file = world.source(self.about)
        return {**found, "reference": file} if file else found

    def is_at_least(self, level: str) -> bool:
        """Whether it is as bad as `level`, or worse."""
        return LEVELS.index(self.level) <= LEVELS.index(level)


def worst_first(findings: list[Finding]) -> list[Finding]:
    """By level, code and object."""
    return sorted(findings, key=lambda it: (LEVELS.index(it.level), it.code, it.origin, it.text))
