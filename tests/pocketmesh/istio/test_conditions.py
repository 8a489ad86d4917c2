from __future__ import annotations

from pocketmesh.istio.conditions import Condition, in_protobuf_json, merged

ACCEPTED = Condition("Accepted", True, "Accepted", "fine")
BEFORE = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "fine",
    "lastTransitionTime": "then",
    "observedGeneration": 1,
}


def test_the_time_stays_while_the_status_stays() -> None:
    again = Condition("Accepted", True, "Other", "still fine")
    assert merged([BEFORE], [again], 2, "now") == [
        {**BEFORE, "reason": "Other", "message": "still fine", "observedGeneration": 2}
    ]


def test_the_time_changes_with_the_status() -> None:
    refused = Condition("Accepted", False, "Refused", "no")
    assert merged([BEFORE], [refused], 1, "now")[0]["lastTransitionTime"] == "now"


def test_saying_the_same_again_changes_nothing() -> None:
    assert merged([BEFORE], [ACCEPTED], 1, "now") == [BEFORE]


def test_others_conditions_keep_their_place_and_new_ones_follow_in_order() -> None:
    foreign = {"type": "Foreign", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "t"}
    wanted = [Condition("Zeta", True, "z", ""), Condition("Beta", True, "b", "")]
    assert [entry["type"] for entry in merged([foreign], wanted, 1, "now")] == ["Foreign", "Beta", "Zeta"]


def test_an_object_without_generations_gets_none_observed() -> None:
    assert "observedGeneration" not in merged([], [ACCEPTED], 0, "now")[0]


def test_istios_own_kinds_count_generations_in_strings() -> None:
    assert in_protobuf_json([BEFORE, {"type": "Old"}]) == [
        {**BEFORE, "observedGeneration": "1"},
        {"type": "Old"},
    ]
