from __future__ import annotations

from xml.etree import ElementTree

from labcheck.authoring.junit import junit
from labcheck.authoring.summary import Summary, summaries
from labcheck.authoring.testbed import Proof

PROOFS = [
    Proof("lab-b", 0, "lint", "", 0.1),
    Proof("lab-b", 1, "solution", "", 2.0, 90),
    Proof("lab-b", 2, "solution", "loses split:\x1b expected <one>\nand more", 4.0, 110),
    Proof("lab-a", 1, "untouched", "", 1.0),
    Proof("lab-a", 1, "guide", "", skipped="no helm on PATH"),
]


def test_a_summary_is_one_lab_with_the_time_of_a_seed_and_the_heaviest_environment() -> None:
    assert summaries(PROOFS) == [Summary("lab-a", 2, 0, 1.0, 0), Summary("lab-b", 3, 1, 3.0, 110)]


def test_junit_has_a_suite_for_each_lab_and_seed() -> None:
    root = ElementTree.fromstring(junit(PROOFS))
    assert [(suite.get("name"), suite.get("failures")) for suite in root] == [
        ("lab-a seed 1", "0"),
        ("lab-b", "0"),
        ("lab-b seed 1", "0"),
        ("lab-b seed 2", "1"),
    ]
    assert [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None] == [
        "guide"
    ]
    [failure] = root.iter("failure")
    assert failure.get("message") == "loses split:� expected <one>"
    assert failure.text is not None
    assert failure.text.endswith("and more")


def test_junit_says_in_a_case_what_was_left_out_of_its_trial() -> None:
    root = ElementTree.fromstring(junit([Proof("lab-a", 1, "guide", "", left_out="line 4: no traces")]))
    assert [output.text for output in root.iter("system-out")] == ["left out: line 4: no traces"]
