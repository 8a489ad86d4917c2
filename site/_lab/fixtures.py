"""The vocabulary of checks, from the docstrings of what the fixtures hand out."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterator

from docstrings import field_docs

from labcheck import checks

FIXTURES: dict[str, tuple[type, ...]] = {
    "cluster": (checks.ClusterView, checks.Resource, checks.Condition),
    "traffic": (checks.Traffic, checks.Sender, checks.Response, checks.Sample, checks.Refusal),
    "expect": (checks.Expect,),
    "params": (checks.Params,),
}
"""Fixture → its class, and those of what it returns."""


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A method, property, field or constant: how it is written, and its docstring."""

    written: str
    about: str


def described(cls: type) -> Iterator[Member]:
    """What a check may use of a class, in the order of its source."""
    below = field_docs(cls)
    if issubclass(cls, enum.Enum):
        for name in cls.__members__:
            yield Member(f"{cls.__name__}.{name}", below.get(name, ""))
    elif dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            yield Member(f"{field.name}: {field.type}", below.get(field.name, ""))
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            returns = inspect.signature(value.fget).return_annotation if value.fget else ""
            yield Member(f"{name}: {returns}", inspect.getdoc(value) or "")
        elif isinstance(value, staticmethod) or inspect.isfunction(value):
            yield Member(f"{name}{_signature(value)}", inspect.getdoc(value) or "")


def _signature(function: object) -> str:
    signature = inspect.signature(getattr(function, "__func__", function))
    parameters = [it for name, it in signature.parameters.items() if name != "self"]
    # Annotations are strings already, and would be quoted once more.
    return str(signature.replace(parameters=parameters)).replace("'", "")
