"""What an inspection of the machine found, one line of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` is empty when it is as it should be."""

    what: str
    found: str
    fix: str = ""
    minor: bool = False
    """Worth mending, but nothing fails for it."""

    @property
    def wrong(self) -> bool:
        """Whether a lab cannot start before this is mended."""
        return bool(self.fix) and not self.minor
