from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.errors import AuthorError
from labcheck.lab.guards import guarded
from labcheck.lab.load import load
from labcheck.lab.variant import Variant, variant

MakeLab = Callable[..., Path]
SETUP = [{"kind": "Namespace", "metadata": {"name": "red"}}, {"kind": "Pod", "metadata": {"name": "client"}}]


def made(make_lab: MakeLab, *objects: str) -> Variant:
    guard = f"guarded:\n  - objects: {list(objects)}\n    fields: [spec]\n    tasks: [second]\n"
    return variant(load(make_lab({"lab.yaml": (make_lab() / "lab.yaml").read_text() + guard})), 1)


def test_a_guard_finds_its_objects_by_kind_and_name_with_params_filled_in(make_lab: MakeLab) -> None:
    lab = made(make_lab, "Namespace/{{ namespace }}", "Pod/client")
    assert [obj["kind"] for obj, _ in guarded(lab, SETUP)] == ["Namespace", "Pod"]


def test_a_guard_over_what_the_setup_does_not_have_is_the_authors(make_lab: MakeLab) -> None:
    lab = made(make_lab, "Pod/clint")
    with pytest.raises(
        AuthorError, match=r"lab\.yaml:\d+: The setup has no object `Pod/clint`. Did you mean"
    ):
        list(guarded(lab, SETUP))
