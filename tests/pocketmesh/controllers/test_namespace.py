"""What a namespace says while it is emptied."""

from __future__ import annotations

from pocketmesh.controllers.namespace_conditions import terminating
from pocketmesh.objects import condition

NOW = "2026-01-31T12:00:00Z"


def test_a_namespace_that_empties_well_says_so_five_times():
    conditions = terminating([], {"pods": []}, NOW)
    assert [entry["status"] for entry in conditions] == ["False"] * 5
    assert conditions[3]["message"] == "All content successfully removed"


def test_what_is_left_is_counted_with_the_finalizers_that_hold_it():
    held = {"metadata": {"finalizers": ["example.com/a"]}}
    conditions = terminating([], {"configmaps": [held, held], "jobs.batch": [{"metadata": {}}]}, NOW)
    said = {entry["type"]: entry for entry in conditions}
    assert said["NamespaceContentRemaining"]["message"] == (
        "Some resources are remaining: "
        "configmaps. has 2 resource instances, jobs.batch has 1 resource instances"
    )
    assert said["NamespaceFinalizersRemaining"]["message"] == (
        "Some content in the namespace has finalizers remaining: example.com/a in 2 resource instances"
    )


def test_a_namespace_that_is_held_up_tells_by_what_until_it_may_go(world):
    world.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    metadata = {"name": "held", "namespace": "shop", "finalizers": ["example.com/held"]}
    world.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    world.client.delete("namespaces", "", "shop")
    world.settle()
    shop = world.client.get("namespaces", "", "shop")
    assert condition(shop, "NamespaceFinalizersRemaining")["reason"] == "SomeFinalizersRemain"
    world.client.merge("configmaps", "shop", "held", {"metadata": {"finalizers": None}})
    world.settle()
    assert world.client.get("namespaces", "", "shop") is None
