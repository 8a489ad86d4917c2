"""Resource quantities (`500m`, `1Gi`) in the one form that Kubernetes stores.

Upstream: apimachinery `pkg/api/resource/quantity.go`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

_SPLIT: Final = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
_NUMBER: Final = re.compile(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$")
_EXPONENT: Final = re.compile(r"^[eE]([-+]?[0-9]+)$")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO: Final = 10**9


def parse(value: Any) -> Fraction:
    """The number that a quantity stands for. Raises ValueError in Kubernetes' words."""
    return _parse(value)[0]


def canonical(value: Any) -> str:
    """`0.5` is `500m`, `1024Mi` is `1Gi`. Raises ValueError in Kubernetes' words."""
    return _canonical(value) if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    amount, form = _parse(value)
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if form == "binary" and amount >= 1024 and amount.denominator == 1:
        whole, power = amount.numerator, 0
        while whole % 1024 == 0 and power < len(_BINARY) - 1:
            whole, power = whole // 1024, power + 1
        return f"{sign}{whole}{_BINARY[power]}"
    nanos, exponent = -((-amount * _NANO) // 1), -9
    whole = int(nanos)
    if whole == 0:
        return "0"
    while whole % 1000 == 0 and exponent < 18:
        whole, exponent = whole // 1000, exponent + 3
    if form == "exponent":
        return f"{sign}{whole}e{exponent}" if exponent else f"{sign}{whole}"
    return f"{sign}{whole}{_DECIMAL_SUFFIX[exponent]}"


_canonical: Final = lru_cache(maxsize=1000)(_written)  # few are written, again and again


def _parse(value: Any) -> tuple[Fraction, str]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_WRONG_FORMAT)
    match = _SPLIT.match(str(value).strip())
    if match is None:
        raise ValueError(_WRONG_FORMAT)
    number, suffix = match.groups()
    if not _NUMBER.match(number):
        raise ValueError("unable to parse numeric part of quantity")
    amount = Fraction(number)
    if suffix in _DECIMAL:
        return amount * Fraction(10) ** _DECIMAL[suffix], "decimal"
    if suffix in _BINARY:
        return amount * 1024 ** _BINARY.index(suffix), "binary"
    exponent = _EXPONENT.match(suffix)
    if exponent is None:
        raise ValueError("unable to parse quantity's suffix")
    return amount * Fraction(10) ** int(exponent[1]), "exponent"


_WRONG_FORMAT: Final = f"quantities must match the regular expression '{_SPLIT.pattern}'"
