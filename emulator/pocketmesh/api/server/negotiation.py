"""In which form the client wants the answer: plain JSON, a table, or metadata only. Pure.

Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pocketmesh.api.errors import not_acceptable

_JSON: Final = frozenset({"application/json", "application/*", "*/*"})
_TRANSFORMS: Final = {
    "Table": "meta.k8s.io",
    "PartialObjectMetadata": "meta.k8s.io",
    "PartialObjectMetadataList": "meta.k8s.io",
    "APIGroupDiscoveryList": "apidiscovery.k8s.io",
}


@dataclass(frozen=True, slots=True)
class Form:
    """`kind` is empty for the object as it is; else what it is turned into, in `version`."""

    kind: str = ""
    version: str = "v1"

    @property
    def api_version(self) -> str:
        return f"{_TRANSFORMS[self.kind]}/{self.version}"


@dataclass(frozen=True, slots=True)
class Range:
    """One media range of an Accept header."""

    media_type: str
    parameters: tuple[tuple[str, str], ...]

    def parameter(self, name: str) -> str:
        """A parameter's value, or an empty string."""
        return dict(self.parameters).get(name, "")


@lru_cache(maxsize=256)
def ranges(accept: str) -> tuple[Range, ...]:
    """What an Accept header names, most wanted first."""
    found = []
    for clause in accept.split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        found.append(Range(media_type.lower(), tuple((name, value) for name, _, value in pairs)))
    return tuple(sorted(found, key=_quality, reverse=True))


def _quality(found: Range) -> float:
    try:
        return float(found.parameter("q") or 1)
    except ValueError:
        return 1


@lru_cache(maxsize=256)
def form(accept: str, *, discovery: bool = False) -> Form:
    """The best form that we can give. Raises ApiError 406 when there is none."""
    for found in ranges(accept or "*/*"):
        if found.media_type not in _JSON:
            continue
        kind = found.parameter("as")
        if not kind:
            return Form()
        offered = _TRANSFORMS.get(kind, "")
        fits = offered == found.parameter("g") and discovery == (kind == "APIGroupDiscoveryList")
        version = found.parameter("v")
        if fits and version in (("v2", "v2beta1") if discovery else ("v1", "v1beta1")):
            return Form(kind, version)
    raise not_acceptable(["application/json"])
