"""Proofs as JUnit XML, which CI systems show: a suite for each lab and seed, a case for each trial.

JUnit knows no trial that was made in part: what was left out of one stands in the case's output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree

from labcheck.authoring.testbed import Proof

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(proofs: Iterable[Proof]) -> str:
    """The document as text."""
    root = ElementTree.Element("testsuites", name="labcheck verify")
    for (lab, seed), members in groupby(sorted(proofs, key=_suite), _suite):
        found = list(members)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=f"{lab} seed {seed}" if seed else lab,
            tests=str(len(found)),
            failures=str(sum(bool(proof.problem) for proof in found)),
            skipped=str(sum(bool(proof.skipped) for proof in found)),
            time=f"{sum(proof.seconds for proof in found):.2f}",
        )
        for proof in found:
            case = ElementTree.SubElement(
                suite, "testcase", classname=lab, name=proof.what, time=f"{proof.seconds:.2f}"
            )
            if proof.skipped:
                ElementTree.SubElement(case, "skipped", message=proof.skipped)
            if proof.problem:
                problem = _NOT_XML.sub("�", proof.problem)
                ElementTree.SubElement(case, "failure", message=problem.split("\n")[0]).text = problem
            if proof.left_out:
                ElementTree.SubElement(case, "system-out").text = f"left out: {proof.left_out}"
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _suite(proof: Proof) -> tuple[str, int]:
    return proof.lab, proof.seed
