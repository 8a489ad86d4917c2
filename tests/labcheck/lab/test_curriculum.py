from __future__ import annotations

from typing import get_args

from labcheck.lab.curriculum import COMPETENCIES, CURRICULUM, DomainName, domain


def test_the_domains_weigh_a_hundred() -> None:
    assert sum(it.weight for it in CURRICULUM) == 100


def test_a_competency_belongs_to_one_domain() -> None:
    assert len(COMPETENCIES) == sum(len(it.competencies) for it in CURRICULUM) == 17


def test_each_name_that_a_lab_may_give_is_a_domain() -> None:
    assert [domain(name) for name in get_args(DomainName)] == list(CURRICULUM)
