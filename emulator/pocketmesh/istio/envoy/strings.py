"""Istio's wildcards as Envoy's matchers of strings."""

from __future__ import annotations

import re
from typing import Any, Final

from pocketmesh.istio.envoy.xds import Json

PRESENT: Final[Json] = {"safe_regex": {"regex": ".+"}}


def pattern(value: str, **more: Any) -> Json:
    """A matcher for `*` (anything but nothing), `*suffix`, `prefix*` or the very value."""
    if value == "*":
        return PRESENT
    if value.startswith("*"):
        return {"suffix": value[1:], **more}
    if value.endswith("*"):
        return {"prefix": value[:-1], **more}
    return {"exact": value, **more}


def with_wildcards(value: str) -> str:
    """A regular expression for a value in which each `*` stands for anything."""
    return ".*".join(re.escape(part) for part in value.split("*"))
