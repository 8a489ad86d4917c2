from __future__ import annotations

from labcheck.checks.resource import Resource

GATEWAY = Resource(
    kind="Gateway",
    metadata={"name": "w", "namespace": "n", "labels": {"a": "b"}},
    spec={"listeners": [{"port": 15008}]},
    status={
        "conditions": [{"type": "Programmed", "status": "False", "reason": "Pending", "message": "Waiting"}]
    },
)
ROUTE = Resource(
    kind="HTTPRoute",
    metadata={"name": "r", "namespace": "n"},
    status={
        "parents": [
            {"parentRef": {"name": "other"}, "conditions": [{"type": "Accepted", "status": "False"}]},
            {"parentRef": {"name": "svc"}, "conditions": [{"type": "Accepted", "status": "True"}]},
        ]
    },
)


def test_a_path_that_ends_nowhere_gives_the_default() -> None:
    assert GATEWAY.at("spec", "listeners", 0, "port") == 15008
    assert GATEWAY.at("spec", "listeners", 1, "port", default=0) == 0
    assert GATEWAY.at("spec", "listeners", "x") is None


def test_a_condition_is_true_when_its_status_is() -> None:
    programmed = GATEWAY.condition("Programmed")
    assert (bool(programmed), programmed.present) == (False, True)
    assert str(programmed) == "Programmed=False, Pending: Waiting"


def test_a_condition_that_is_absent_is_false_and_says_so() -> None:
    absent = GATEWAY.condition("Accepted")
    assert (bool(absent), absent.present, str(absent)) == (False, False, "no condition Accepted")


def test_a_route_has_conditions_for_each_parent() -> None:
    assert ROUTE.condition("Accepted", parent="svc")
    assert not ROUTE.condition("Accepted", parent="other")
    assert not ROUTE.condition("Accepted", parent="unheard of").present


def test_a_resource_names_itself() -> None:
    assert (GATEWAY.ref, Resource(kind="Node", metadata={"name": "x"}).ref) == ("Gateway n/w", "Node x")
    assert (GATEWAY.labels, GATEWAY.annotations) == ({"a": "b"}, {})
