"""Ways to spoil manifests that are right, as learners do. Pure: plain data in and out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str | int, ...]

_ELSEWHERE = "default"
_GATEWAY_API = "gateway.networking.k8s.io"
_OPPOSITES = {
    "action": {"ALLOW": "DENY", "DENY": "ALLOW"},
    "mode": {"STRICT": "PERMISSIVE", "PERMISSIVE": "STRICT"},
    "gatewayClassName": {"istio-waypoint": "istio", "istio": "istio-waypoint"},
}


def spoilt_manifests(manifests: Sequence[Manifest]) -> Iterator[tuple[str, list[Manifest]]]:
    """Each way to spoil one of the manifests: what was done, and all of them with it done."""
    for index, manifest in enumerate(manifests):
        ref = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        yield f"without {ref}", [*manifests[:index], *manifests[index + 1 :]]
        for way in (_labels, _namespace, _ports, _weights, _opposites, _parents):
            for what, spoilt in way(manifest):
                yield f"{ref}: {what}", [*manifests[:index], spoilt, *manifests[index + 1 :]]


def _labels(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    labels = manifest.get("metadata", {}).get("labels") or {}
    for label in labels:
        kept = {key: value for key, value in labels.items() if key != label}
        yield f"no label {label}", _with(manifest, ("metadata", "labels"), kept)


def _namespace(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    if manifest.get("metadata", {}).get("namespace", _ELSEWHERE) != _ELSEWHERE:
        yield f"namespace {_ELSEWHERE}", _with(manifest, ("metadata", "namespace"), _ELSEWHERE)


def _ports(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    for place, value in _leaves(manifest.get("spec"), ("spec",)):
        if place[-1] == "port" and isinstance(value, int):
            yield f"{_path(place)} {value + 1}", _with(manifest, place, value + 1)


def _weights(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    for place, value in _leaves(manifest.get("spec"), ("spec",)):
        if place[-1] == "weight" and isinstance(value, int):
            wrong = value - 20 if value >= 20 else value + 20
            spoilt = _with(manifest, place, wrong)
            siblings = place[:-2]
            if _shares(_at(spoilt, siblings)) != _shares(_at(manifest, siblings)):
                yield f"{_path(place)} {wrong}", spoilt


def _opposites(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    found = list(_leaves(manifest.get("spec"), ("spec",)))
    if manifest.get("kind") == "AuthorizationPolicy" and "action" not in (manifest.get("spec") or {}):
        found.append((("spec", "action"), "ALLOW"))
    for place, value in found:
        opposite = _OPPOSITES.get(str(place[-1]), {}).get(str(value))
        if opposite:
            yield f"{_path(place)} {opposite}", _with(manifest, place, opposite)


def _parents(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    for index, parent in enumerate((manifest.get("spec") or {}).get("parentRefs") or ()):
        if parent.get("kind", "Gateway") == "Gateway":
            other = {"group": "", "kind": "Service"}
        else:
            other = {"group": _GATEWAY_API, "kind": "Gateway"}
        place = ("spec", "parentRefs", index)
        yield f"{_path(place)} a {other['kind']}", _with(manifest, place, parent | other)


def _shares(backends: Sequence[Manifest]) -> list[Fraction]:
    weights = [backend.get("weight", 1) for backend in backends]
    total = sum(weights)
    return [Fraction(weight, total) if total else Fraction(0) for weight in weights]


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, (*place, key))
    else:
        yield place, value


def _with(manifest: Manifest, place: Place, value: Any) -> Manifest:
    spoilt = copy.deepcopy(manifest)
    _at(spoilt, place[:-1])[place[-1]] = value
    return spoilt


def _at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def _path(place: Place) -> str:
    return ".".join(map(str, place)).removeprefix("spec.")
