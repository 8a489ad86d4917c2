from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.errors import AuthorError
from labcheck.lab.load import load
from labcheck.lab.variant import SEEDS, choose, seeds_for_faults, variant

MakeLab = Callable[..., Path]


def test_a_seed_always_makes_the_same_choices(make_lab: MakeLab) -> None:
    loaded = load(make_lab())
    chosen = [variant(loaded, seed).params for seed in range(1, 4)]
    # Written down: a learner's page must not change with the version of Python or of labcheck.
    assert chosen == [
        {"namespace": "green", "share": 20},
        {"namespace": "green", "share": 10},
        {"namespace": "blue", "share": 10},
    ]


def test_another_param_leaves_the_choices_of_the_others(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text()
    before = variant(load(make_lab()), 5).params
    after = variant(
        load(make_lab({"lab.yaml": text.replace("params:", "params:\n  extra: [1, 2, 3]")})), 5
    ).params
    assert {name: after[name] for name in before} == before


def test_every_choice_is_reached(make_lab: MakeLab) -> None:
    loaded = load(make_lab())
    reached = {variant(loaded, seed).params["namespace"] for seed in range(50)}
    assert reached == {"red", "green", "blue", "white"}


def test_titles_hints_probes_and_namespace_are_filled_in(make_lab: MakeLab) -> None:
    made = variant(load(make_lab()), 1)
    name = made.params["namespace"]
    assert made.tasks[0].title == f"The namespace {name} is there"
    assert made.tasks[0].hints[1] == f"It is called {name}."
    assert (made.probes["client"].namespace, made.namespace) == (name, name)


def test_an_unknown_param_is_named_with_its_line(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text()
    folder = make_lab(
        {"lab.yaml": text.replace("It is called {{ namespace }}", "It is called {{ namspace }}")}
    )
    with pytest.raises(
        AuthorError, match=r"lab.yaml:20: 'namspace' is undefined. Did you mean `namespace`\?"
    ):
        variant(load(folder), 1)


def test_a_lab_without_faults_needs_no_further_seeds(make_lab: MakeLab) -> None:
    assert seeds_for_faults(load(make_lab()).lab) == []


def test_further_seeds_draw_every_choice_of_every_fault(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text().replace("share: [10, 20]", "share: [10, 20, 30, 40, 50]")
    lab = load(make_lab({"lab.yaml": f"{text}faults: [namespace, share]\n"})).lab
    further = seeds_for_faults(lab)
    drawn = [choose(lab, seed) for seed in (*SEEDS, *further)]
    assert {it["namespace"] for it in drawn} == {"red", "green", "blue", "white"}
    assert {it["share"] for it in drawn} == {10, 20, 30, 40, 50}
    assert len(further) <= 3
    assert not set(SEEDS) & set(further)


def test_secrets_and_faults_are_not_told(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text().replace("params:", "params:\n  extra: [1, 2, 3]")
    made = variant(load(make_lab({"lab.yaml": f"{text}secrets: [share]\nfaults: [extra]\n"})))
    assert made.told.keys() == {"namespace"}
