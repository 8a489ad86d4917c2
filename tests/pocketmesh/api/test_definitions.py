"""CustomResourceDefinitions: served at once, and taking their instances with them."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.registry import Registry
from pocketmesh.schema.kinds import Kinds

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
