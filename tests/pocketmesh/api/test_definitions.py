"""CustomResourceDefinitions: served at once, and taking their instances with them."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.registry import Registry
from pocketmesh.schema.kinds import Kinds

MERGE = "application/merge-patch+json"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def gadget(**metadata: object) -> dict[str, object]:
    return {"metadata": {"name": "g", "namespace": "shop", **metadata}, "spec": {"color": "red"}}


def test_a_definition_is_established_by_its_creation(core, gadgets):
    status = core.create(CRDS, gadgets)["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert status["acceptedNames"]["listKind"] == "GadgetList"
    assert status["storedVersions"] == ["v1"]


def test_its_instances_are_defaulted_and_counted(core, gadgets):
    core.create(CRDS, gadgets)
    made = core.create("gadgets.example.com", gadget())
    assert made["spec"] == {"color": "red", "size": 1}
    assert made["metadata"]["generation"] == 1


def test_its_instances_need_a_version_to_be_replaced(core, gadgets):
    core.create(CRDS, gadgets)
    core.create("gadgets.example.com", gadget())
    with pytest.raises(ApiError, match="must be specified for an update") as raised:
        core.update("gadgets.example.com", gadget())
    assert raised.value.code == 422


def test_a_status_write_counts_no_generation(core, gadgets):
    core.create(CRDS, gadgets)
    made = core.create("gadgets.example.com", gadget())
    wanted = {**made, "spec": {"color": "blue"}, "status": {"ready": True}}
    written = core.update("gadgets.example.com", wanted, subresource="status")
    assert (written["spec"]["color"], written["status"]) == ("red", {"ready": True})
    assert written["metadata"]["generation"] == 1


def test_a_deleted_definition_takes_its_instances_along(core, gadgets):
    core.create(CRDS, gadgets)
    core.create("gadgets.example.com", gadget())
    core.delete(CRDS, "gadgets.example.com")
    assert core.registry.kinds.find("example.com", "v1", "gadgets") is None
    assert core.registry.store.objects("gadgets.example.com") == []


def test_a_definition_waits_for_instances_that_are_held(core, gadgets):
    core.create(CRDS, gadgets)
    core.create("gadgets.example.com", gadget(finalizers=["example.com/held"]))
    assert not core.delete(CRDS, "gadgets.example.com").gone
    patch = {"metadata": {"finalizers": None}}
    core.patch("gadgets.example.com", "g", "application/merge-patch+json", patch, "shop")
    assert not core.exists(CRDS, "gadgets.example.com")
    assert core.registry.kinds.find("example.com", "v1", "gadgets") is None


def test_definitions_are_served_again_after_a_restart(core, gadgets, kinds_of_kubernetes):
    core.create(CRDS, gadgets)
    again = Registry(core.registry.store, Kinds(kinds_of_kubernetes), core.clock)
    assert again.kinds.find("example.com", "v1", "gadgets") is not None


def test_a_restored_snapshot_brings_its_definitions_back(core, gadgets):
    core.create(CRDS, gadgets)
    core.registry.store.snapshot("before")
    core.delete(CRDS, "gadgets.example.com")
    core.registry.store.restore("before")
    assert core.registry.kinds.find("example.com", "v1", "gadgets") is not None


def named(gadgets: Any, **names: object) -> Any:
    """Another definition in the same group."""
    plural = names.setdefault("plural", "widgets")
    spec = {**gadgets["spec"], "names": {"kind": "Widget", **names}}
    return {**gadgets, "metadata": {"name": f"{plural}.example.com"}, "spec": spec}


@pytest.mark.parametrize(
    ("names", "reason", "message"),
    [
        ({"kind": "Gadget", "singular": "w", "listKind": "Ws"}, "KindConflict", '"Gadget" is already in use'),
        ({"singular": "gadget"}, "SingularConflict", '"gadget" is already in use'),
        ({"shortNames": ["gadgets"]}, "ShortNamesConflict", '"gadgets" is already in use'),
        ({"listKind": "GadgetList"}, "ListKindConflict", '"GadgetList" is already in use'),
    ],
)
def test_names_that_are_taken_are_not_accepted(core, gadgets, names, reason, message):
    core.create(CRDS, gadgets)
    made = core.create(CRDS, named(gadgets, **names))
    conditions = {entry["type"]: entry for entry in made["status"]["conditions"]}
    assert (conditions["NamesAccepted"]["reason"], conditions["NamesAccepted"]["message"]) == (
        reason,
        message,
    )
    assert conditions["Established"]["reason"] == "NotAccepted"
    assert core.registry.kinds.find("example.com", "v1", "widgets") is None


def test_names_that_become_free_are_accepted(core, gadgets):
    core.create(CRDS, gadgets)
    core.create(CRDS, named(gadgets, shortNames=["gadget"]))
    core.delete(CRDS, "gadgets.example.com")
    freed = core.get(CRDS, "widgets.example.com")
    assert {entry["type"]: entry["status"] for entry in freed["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert core.registry.kinds.find("example.com", "v1", "widgets") is not None


def test_an_established_definition_keeps_its_names_when_it_asks_for_taken_ones(core, gadgets):
    core.create(CRDS, gadgets)
    core.create(CRDS, named(gadgets, shortNames=["wd"]))
    wanted = {"spec": {"names": {"shortNames": ["gadget"]}}}
    changed = core.patch(CRDS, "widgets.example.com", MERGE, wanted)
    assert changed["status"]["acceptedNames"]["shortNames"] == ["wd"]
    assert core.registry.kinds.stored("widgets.example.com").short_names == ("wd",)


@pytest.fixture
def scaled(core, gadgets):
    """Gadgets with a scale subresource at places of its own, and one of them."""
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.seen.now"}
    paths["labelSelectorPath"] = ".status.selector"
    for version in gadgets["spec"]["versions"]:
        version["subresources"] = {"status": {}, "scale": paths}
    core.create(CRDS, gadgets)
    made = core.create("gadgets.example.com", gadget())
    status = {"seen": {"now": 2}, "selector": "app=g"}
    core.update("gadgets.example.com", {**made, "status": status}, subresource="status")
    return core


def test_a_scale_is_read_at_the_paths_of_the_definition(scaled):
    kind = scaled.kind("gadgets.example.com")
    scale = scaled.registry.get(kind, "shop", "g", "scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 2, "selector": "app=g"})


def test_a_scale_is_written_at_the_path_of_the_definition(scaled):
    patch = {"spec": {"replicas": 5}}
    answer = scaled.patch("gadgets.example.com", "g", MERGE, patch, "shop", subresource="scale")
    assert answer["spec"] == {"replicas": 5}
    changed = scaled.get("gadgets.example.com", "g", "shop")
    assert (changed["spec"]["size"], changed["metadata"]["generation"]) == (5, 2)


def test_a_version_that_objects_were_stored_in_must_stay(core, gadgets):
    core.create(CRDS, gadgets)
    versions = [{**gadgets["spec"]["versions"][1], "storage": True}]
    with pytest.raises(ApiError, match=r'storedVersions\[0\]: Invalid value: "v1": must appear'):
        core.patch(CRDS, "gadgets.example.com", MERGE, {"spec": {"versions": versions}})
