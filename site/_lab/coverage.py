"""Which labs practise a subject: those whose title or objectives mention one of its words.

What a reader sees is the lab's own sentence, so nobody has to believe this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labcheck.lab.variant import Variant

_EXAM = Path(__file__).parent / "exam.yaml"


@dataclass(frozen=True, slots=True)
class Practice:
    """A lab, and its objectives that mention the subject; its title, where only that does."""

    variant: Variant
    sentences: tuple[str, ...]


def practising(variants: Iterable[Variant], words: Sequence[str]) -> list[Practice]:
    """The labs that mention one of the words; a word may be the beginning of one."""
    wanted = re.compile(rf"\b({'|'.join(map(re.escape, words))})", re.IGNORECASE)
    found = []
    for variant in variants:
        sentences = [it for it in variant.lab.objectives if wanted.search(it)]
        if sentences or wanted.search(variant.lab.title):
            found.append(Practice(variant, tuple(sentences) or (f"{variant.lab.title}.",)))
    return found


def competencies(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """The exam's domains with their weights, labs, and competencies with who practises them."""
    domains = yaml.safe_load(_EXAM.read_text(encoding="utf-8"))
    return [
        {
            **domain,
            "labs": [it for it in variants if it.lab.domain == domain["name"]],
            "competencies": [
                {"name": it["name"], "found": practising(variants, it["words"])}
                for it in domain["competencies"]
            ],
        }
        for domain in domains
    ]
