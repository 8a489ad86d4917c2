"""Some hundred manifests of Gateway API and Istio, good and bad, as kubectl sends them to two registries.

One has our definitions, the other upstream's. Both must say the same, word for word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.registry import Registry
from pocketmesh.objects import copied
from pocketmesh.schema.crds import gateway_api_crds, istio_crds
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "tests/pocketmesh/schema/crds/manifests").glob("*.yaml"))
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
STRICT = Write(Caller("kubernetes-admin", ("system:masters",)), "kubectl", validation="Strict")
# These are accepted by the schemas, without the fields; a strict client is told.
MISSPELT = ("an unknown field", "fields that nobody knows")
Manifest = dict[str, Any]


class StandingClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """What a client gets: the object without what differs from one server to the other, or a refusal."""

    code: int
    said: str
    object: Any = None


def registry(place: Path, definitions: list[Manifest]) -> Registry:
    made = Registry(Store(place), Kinds(builtin_kinds()), StandingClock())
    made.create(made.kinds.stored("namespaces"), "", {"metadata": {"name": "shop"}}, STRICT)
    for definition in definitions:
        status_free = {key: value for key, value in definition.items() if key != "status"}
        made.create(made.kinds.stored(CRDS), "", status_free, STRICT)
    return made


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("ours"), [*gateway_api_crds(), *istio_crds()])
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = (ROOT / os.environ.get("LABCHECK_SHARED", "../shared") / "data/crds").resolve()
    if not folder.is_dir():
        pytest.skip(f"no upstream data in {folder}; set LABCHECK_SHARED")
    documents = [
        document
        for page in sorted(folder.rglob("*.yaml"))
        for document in yaml.load_all(page.read_bytes(), yaml.CSafeLoader)
    ]
    wanted = [each for each in documents if each and each["kind"] == "CustomResourceDefinition"]
    made = registry(tmp_path_factory.mktemp("theirs"), wanted)
    yield made
    made.store.close()


def _cases() -> Iterator[Any]:
    for page in PAGES:
        document = yaml.safe_load(page.read_text())
        for case in document["cases"]:
            head = {"apiVersion": document["apiVersion"], "kind": document["kind"]}
            yield pytest.param({**head, **case}, id=f"{page.stem}: {case['case']}")


CASES = list(_cases())
ACCEPTED = [
    case for case in CASES if not case.values[0].get("refused") and case.values[0]["case"] not in MISSPELT
]


def _object(case: Manifest, spec: str, name: str) -> Manifest:
    head = {"apiVersion": case["apiVersion"], "kind": case["kind"], "metadata": {"name": name}}
    return copied({**head, **({"spec": case[spec]} if spec in case else {})})


def answer(server: Registry, case: Manifest, name: str) -> Answer:
    """What comes of creating (and changing, when there is an `old` or a `status`) what a case says."""
    kind = server.kinds.of(case["apiVersion"], case["kind"])
    assert kind is not None
    place = "shop" if kind.namespaced else ""
    try:
        made = server.create(kind, place, _object(case, "old" if "old" in case else "spec", name), STRICT)
        if "old" in case:
            version = {"name": name, "resourceVersion": made.object["metadata"]["resourceVersion"]}
            changed = {**_object(case, "spec", name), "metadata": version}
            made = server.update(kind, place, name, changed, STRICT)
        if "status" in case:
            found = {**made.object, "status": copied(case["status"])}
            made = server.update(kind, place, name, found, STRICT, subresource="status")
    except ApiError as error:
        return Answer(error.code, error.message)
    rest = {key: value for key, value in made.object.items() if key != "metadata"}
    return Answer(200, "; ".join(made.warnings), rest)


def test_there_are_hundreds_of_cases_of_every_kind():
    refused = len(CASES) - len(ACCEPTED)
    assert len(CASES) >= 200
    assert min(refused, len(ACCEPTED)) >= 50
    kinds = {
        (each["spec"]["group"], each["spec"]["names"]["kind"])
        for each in [*gateway_api_crds(), *istio_crds()]
    }
    assert kinds == {
        (case.values[0]["apiVersion"].partition("/")[0], case.values[0]["kind"]) for case in CASES
    }


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.id for case in CASES])
def test_a_manifest_gets_one_answer(number: int, ours: Registry, theirs: Registry) -> None:
    case = CASES[number].values[0]
    our = answer(ours, case, f"case-{number}")
    assert our == answer(theirs, case, f"case-{number}")
    assert (our.code == 200) == (CASES[number] in ACCEPTED), our.said


@pytest.mark.parametrize("number", range(len(ACCEPTED)), ids=[case.id for case in ACCEPTED])
def test_a_misspelt_field_is_refused(number: int, ours: Registry, theirs: Registry) -> None:
    case = copied(ACCEPTED[number].values[0])
    if not isinstance(case.get("spec"), dict):
        pytest.skip("has no spec")
    case["spec"]["metches"] = []
    our = answer(ours, case, f"misspelt-{number}")
    assert (our.code, our.said) == (
        400,
        f'{case["kind"]} in version "{case["apiVersion"].rpartition("/")[2]}" cannot be handled as a '
        f'{case["kind"]}: strict decoding error: unknown field "spec.metches"',
    )
    assert our == answer(theirs, case, f"misspelt-{number}")


def test_manifests_that_istio_is_tested_with_get_one_answer(ours: Registry, theirs: Registry) -> None:
    folder = (ROOT / os.environ.get("LABCHECK_SHARED", "../shared") / "data").resolve()
    pages = [*(folder / "golden").rglob("*.yaml"), *(folder / "samples").rglob("*.yaml")]
    answers = []
    for page in sorted(page for page in pages if not page.name.endswith(".status.yaml")):
        for document in yaml.load_all(page.read_bytes(), yaml.CSafeLoader):
            if document and ours.kinds.of(document["apiVersion"], document["kind"]) in _custom(ours):
                name = f"input-{len(answers)}"
                answers.append(answer(ours, document, name))
                assert answers[-1] == answer(theirs, document, name), (page.name, document["metadata"])
    assert len([each for each in answers if each.code == 200]) >= 80


def _custom(server: Registry) -> list[Any]:
    return [kind for kind in server.kinds.all() if kind.crd]
