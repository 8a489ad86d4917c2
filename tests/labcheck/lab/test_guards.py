from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labcheck.errors import AuthorError
from labcheck.lab.guards import guarded
from labcheck.lab.load import load
from labcheck.lab.variant import Variant, variant

MakeLab = Callable[..., Path]


def made(make_lab: MakeLab, *objects: str) -> Variant:
    guard = f"guarded:\n  - objects: {list(objects)}\n    fields: [spec]\n    tasks: [second]\n"
    return variant(load(make_lab({"lab.yaml": (make_lab() / "lab.yaml").read_text() + guard})), 1)


def setup(lab: Variant) -> list[dict[str, Any]]:
    namespace = {"kind": "Namespace", "metadata": {"name": lab.params["namespace"]}}
    return [namespace, {"kind": "Pod", "metadata": {"name": "client"}}]


def test_a_guard_finds_its_objects_by_kind_and_name_with_params_filled_in(make_lab: MakeLab) -> None:
    lab = made(make_lab, "Namespace/{{ namespace }}", "Pod/client")
    assert [obj["kind"] for obj, _ in guarded(lab, setup(lab))] == ["Namespace", "Pod"]


def test_a_guard_over_what_the_setup_does_not_have_is_the_authors(make_lab: MakeLab) -> None:
    lab = made(make_lab, "Pod/clint")
    with pytest.raises(
        AuthorError, match=r"lab\.yaml:\d+: The setup has no object `Pod/clint`. Did you mean"
    ):
        list(guarded(lab, setup(lab)))
