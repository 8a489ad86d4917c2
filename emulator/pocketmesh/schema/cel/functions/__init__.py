"""Kubernetes' function library for CEL, as plain functions on the Python values of CEL values.

Functions serve as methods too: `a.f(b)` is `f(a, b)`. Values of Kubernetes' own types (a URL, an IP
address, a quantity) travel through expressions as maps with one telling key, because the Rust library can
carry no others. Reference: https://kubernetes.io/docs/reference/using-api/cel/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pocketmesh.schema.cel.functions import addresses, core, formats, lists, quantities, strings, urls

OURS: Mapping[str, str] = {name: f"kubernetes_{name}" for name in core.FUNCTIONS}

OURS_ALONE: Mapping[str, str] = {name: f"kubernetes_{name}" for name in core.ALONE}

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{OURS[name]: function for name, function in core.FUNCTIONS.items()},
    **{OURS_ALONE[name]: function for name, function in core.ALONE.items()},
    **strings.FUNCTIONS,
    **lists.FUNCTIONS,
    **urls.FUNCTIONS,
    **addresses.FUNCTIONS,
    **quantities.FUNCTIONS,
    **formats.FUNCTIONS,
}
