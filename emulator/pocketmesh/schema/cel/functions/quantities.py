"""Kubernetes' quantity library (`quantity("500m").isLessThan(quantity("1"))`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from pocketmesh.schema import quantity
from pocketmesh.schema.cel.errors import EvaluationError


def _quantity(text: str) -> dict[str, str]:
    """A quantity travels as an exact fraction, so that `1000m` equals `1`."""
    try:
        return _carried(quantity.parse(text))
    except ValueError as error:
        raise EvaluationError(str(error)) from error


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except ValueError:
        return False
    return True


def _carried(amount: Fraction) -> dict[str, str]:
    return {"quantity": str(amount)}


def _amount(value: Any) -> Fraction:
    """Of a quantity, or of the integer that `add` and `sub` also take."""
    return Fraction(value) if isinstance(value, int) else Fraction(value["quantity"])


def _sign(value: Any) -> int:
    return _compared(_amount(value), Fraction(0))


def _compared(left: Fraction, right: Fraction) -> int:
    return (left > right) - (left < right)


def _as_integer(value: Any) -> int:
    amount = _amount(value)
    if amount.denominator != 1:
        raise EvaluationError("cannot convert value to integer")
    return amount.numerator


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda left, right: _carried(_amount(left) + _amount(right)),
    "asApproximateFloat": lambda value: float(_amount(value)),
    "asInteger": _as_integer,
    "compareTo": lambda left, right: _compared(_amount(left), _amount(right)),
    "isGreaterThan": lambda left, right: _amount(left) > _amount(right),
    "isInteger": lambda value: _amount(value).denominator == 1,
    "isLessThan": lambda left, right: _amount(left) < _amount(right),
    "isQuantity": _is_quantity,
    "quantity": _quantity,
    "sign": _sign,
    "sub": lambda left, right: _carried(_amount(left) - _amount(right)),
}
