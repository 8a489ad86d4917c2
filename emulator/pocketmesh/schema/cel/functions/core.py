"""Functions that the Rust library has, but not as CEL and Kubernetes mean them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pocketmesh.schema.cel.errors import NO_SUCH_OVERLOAD, EvaluationError

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_DURATION_PART})+)", re.ASCII)


def size(value: Any) -> int:
    """Characters of a string (the library counts bytes), elements of anything else."""
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise EvaluationError(NO_SUCH_OVERLOAD)


def duration(value: Any) -> timedelta:
    """As Go's `time.ParseDuration` (the library is laxer), to the microsecond."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise EvaluationError(NO_SUCH_OVERLOAD)
    if not _DURATION.fullmatch(value):
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'")
    seconds = sum(
        float(number) * _UNITS[unit] for number, unit in re.findall(_DURATION_PART, value, re.ASCII)
    )
    return timedelta(seconds=-seconds if value.startswith("-") else seconds)


def string(value: Any) -> str:
    """Also of booleans, addresses and networks, which the library does not know."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case bytes():
            return value.decode()
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case int() | float():
            return str(value)
        case timedelta():
            return f"{value.total_seconds():g}s"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case {"ip": str(text)} | {"cidr": str(text)}:
            return text
    raise EvaluationError(NO_SUCH_OVERLOAD)


def matches(value: Any, pattern: Any) -> bool:
    """`matches(value, pattern)`; the library knows the method only."""
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise EvaluationError(NO_SUCH_OVERLOAD)
    try:
        return re.search(pattern, value) is not None
    except re.error as error:
        raise EvaluationError(f"error parsing regexp: {error}") from error


FUNCTIONS: Mapping[str, Callable[..., Any]] = {"size": size, "duration": duration, "string": string}

# Where they are no methods; as methods these are the library's.
ALONE: Mapping[str, Callable[..., Any]] = {"matches": matches}
