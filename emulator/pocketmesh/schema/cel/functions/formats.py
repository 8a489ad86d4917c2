"""Kubernetes' format library: `!format.dns1123Label().validate(self.name).hasValue()`."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pocketmesh.schema.cel.engine import engine
from pocketmesh.schema.cel.errors import EvaluationError
from pocketmesh.schema.cel.functions import urls

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

_PATTERNS: Mapping[str, tuple[re.Pattern[str], int]] = {
    "dns1035Label": (re.compile(_LABEL_1035), 63),
    "dns1035LabelPrefix": (re.compile(r"[a-z]([-a-z0-9]*)?"), 63),
    "dns1123Label": (re.compile(_LABEL), 63),
    "dns1123LabelPrefix": (re.compile(r"[a-z0-9]([-a-z0-9]*)?"), 63),
    "dns1123Subdomain": (re.compile(_SUBDOMAIN), 253),
    "dns1123SubdomainPrefix": (re.compile(r"[a-z0-9]([-a-z0-9.]*)?"), 253),
    "labelValue": (re.compile(rf"({_NAME})?"), 63),
    "qualifiedName": (re.compile(rf"({_SUBDOMAIN}/)?{_NAME}"), 317),
    "uuid": (re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE), 36),
}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_time(layout: str) -> Callable[[str], bool]:
    def accepted(text: str) -> bool:
        try:
            datetime.strptime(text, layout)
        except ValueError:
            return False
        return True

    return accepted


def _is_uri(text: str) -> bool:
    try:
        urls.parse(text)
    except ValueError:
        return False
    return True


_TESTS: Mapping[str, Callable[[str], bool]] = {
    "byte": _is_base64,
    "date": _is_time("%Y-%m-%d"),
    "datetime": _is_time("%Y-%m-%dT%H:%M:%S%z"),
    "uri": _is_uri,
}
_NAMES = sorted({*_PATTERNS, *_TESTS})


def _named(name: str) -> Any:
    """`format.named("uri")`: an optional format."""
    values = engine().OptionalValue
    return values.of({"format": name}) if name in _NAMES else values.none()


def _format(name: str) -> Callable[[], dict[str, str]]:
    return lambda: {"format": name}


def _validate(value: Any, text: str) -> Any:
    """What is wrong with `text`: an optional list of sentences, empty when nothing is."""
    name = value["format"]
    if name in _TESTS:
        good = _TESTS[name](text)
    elif name in _PATTERNS:
        pattern, limit = _PATTERNS[name]
        good = len(text) <= limit and bool(pattern.fullmatch(text))
    else:
        raise EvaluationError(f"no such format: {name}")
    values = engine().OptionalValue
    return values.none() if good else values.of([f"must be a valid {name}"])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "format.named": _named,
    "validate": _validate,
    **{f"format.{name}": _format(name) for name in _NAMES},
}
