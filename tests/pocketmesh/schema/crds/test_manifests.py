"""Which manifests the definitions accept, in what words they refuse the others, and that upstream does the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.objects import copied
from pocketmesh.schema.kind import Kind
from pocketmesh.schema.prepare import Prepared, prepare

PAGES = sorted((Path(__file__).parent / "manifests").glob("*.yaml"))
# No object can break these: an enumeration or a pattern refuses first, and then rules are not asked.
UNREACHABLE = (
    "type must be one of ['Exact', 'PathPrefix', 'RegularExpression']",
    "Hostnames must be valid based on RFC-1123",
    "Wildcards on hostnames must be the first label",
)
FindKind = Callable[[str, str], Kind]
Case = dict[str, Any]


def _cases() -> Iterator[Any]:
    for page in PAGES:
        document = yaml.safe_load(page.read_text())
        for case in document["cases"]:
            entry = {"apiVersion": document["apiVersion"], "kind": document["kind"], **case}
            yield pytest.param(entry, id=f"{page.stem}: {case['case']}")


CASES = list(_cases())


def _object(case: Case, spec: str = "spec") -> dict[str, Any]:
    obj = {
        "apiVersion": case["apiVersion"],
        "kind": case["kind"],
        "metadata": {"name": "a", "namespace": "b"},
    }
    if spec in case:
        obj["spec"] = case[spec]
    if "status" in case:
        obj["status"] = case["status"]
    return copied(obj)


def _prepared(find: FindKind, case: Case) -> Prepared:
    kind = find(case["apiVersion"], case["kind"])
    old = prepare(kind, _object(case, "old")).object if "old" in case else None
    return prepare(kind, _object(case), old)


@pytest.mark.parametrize("case", CASES)
def test_a_manifest_is_accepted_or_refused_as_it_says(case: Case, our_kind: FindKind) -> None:
    errors = [str(error) for error in _prepared(our_kind, case).errors]
    wanted = case.get("refused", [])
    assert bool(errors) == bool(wanted), errors
    missing = [words for words in wanted if not any(words in error for error in errors)]
    assert not missing, errors


@pytest.mark.parametrize("case", CASES)
def test_upstream_says_the_same_and_fills_in_the_same(
    case: Case, our_kind: FindKind, upstream_kind: FindKind
) -> None:
    our, their = _prepared(our_kind, case), _prepared(upstream_kind, case)
    assert our.object == their.object
    assert our.unknown == their.unknown
    assert sorted(map(str, our.errors)) == sorted(map(str, their.errors))


def test_every_rule_is_broken_by_some_manifest(ours: list[dict[str, Any]]) -> None:
    cases = [case.values[0] for case in CASES]
    said = {(case["kind"], words) for case in cases for words in case.get("refused", [])}
    unbroken = {
        (kind, message)
        for crd in ours
        for kind in [crd["spec"]["names"]["kind"]]
        for message in _messages(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        if not message.startswith(UNREACHABLE)
        and not any(words in message or message in words for of, words in said if of == kind)
    }
    assert not unbroken


def _messages(schema: dict[str, Any]) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule["message"]
    for child in [
        *schema.get("properties", {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]:
        if isinstance(child, dict):
            yield from _messages(child)
