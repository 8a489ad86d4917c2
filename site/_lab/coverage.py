"""Which labs practise what the exam asks: those that say so in their `competencies`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from labcheck.lab.curriculum import CURRICULUM
from labcheck.lab.variant import Variant


@dataclass(frozen=True, slots=True)
class Competency:
    """One competency of the exam, and the labs that practise it."""

    name: str
    labs: list[Variant]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the exam; `labs` are those that belong to it."""

    name: str
    weight: int
    labs: list[Variant]
    competencies: list[Competency]


def practising(variants: Sequence[Variant], ids: Collection[str]) -> list[Variant]:
    """The labs that practise one of these competencies."""
    return [it for it in variants if not set(ids).isdisjoint(it.lab.competencies)]


def covered(variants: Sequence[Variant]) -> list[Domain]:
    """The whole exam."""
    return [
        Domain(
            domain.name,
            domain.weight,
            [it for it in variants if it.lab.domain == domain.name],
            [Competency(name, practising(variants, {id_})) for id_, name in domain.competencies.items()],
        )
        for domain in CURRICULUM
    ]
