"""Owner references beyond the simple chain."""

from __future__ import annotations

from pocketmesh.objects import name_of, uid_of


def config(world, name, *owners, namespace="default", blocks=False):
    references = [
        {
            "apiVersion": "v1",
            "kind": owner["kind"],
            "name": name_of(owner),
            "uid": uid_of(owner),
            "blockOwnerDeletion": blocks,
        }
        for owner in owners
    ]
    metadata = {"name": name, "namespace": namespace, "ownerReferences": references}
    return world.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def names(world, namespace="default"):
    return [
        name_of(each)
        for each in world.client.all("configmaps", namespace)
        if "kube-root" not in name_of(each)
    ]


def held(world, name):
    """Keeps an object from going until the finalizer is taken off."""
    world.client.merge("configmaps", "default", name, {"metadata": {"finalizers": ["example.com/held"]}})
    world.settle()


def delete(world, name, propagation):
    world.client.delete("configmaps", "default", name, propagation=propagation)
    world.settle()


def test_an_object_stays_as_long_as_one_owner_does(world):
    one, two = config(world, "one"), config(world, "two")
    config(world, "child", one, two)
    delete(world, "one", "Background")
    assert names(world) == ["child", "two"]
    left = world.client.get("configmaps", "default", "child")["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["two"]


def test_a_foreground_owner_waits_for_what_blocks_it(world):
    owner = config(world, "owner")
    config(world, "child", owner, blocks=True)
    held(world, "child")
    delete(world, "owner", "Foreground")
    assert names(world) == ["child", "owner"]
    world.client.merge("configmaps", "default", "child", {"metadata": {"finalizers": None}})
    world.settle()
    assert names(world) == []


def test_a_foreground_owner_does_not_wait_for_what_does_not_block(world):
    owner = config(world, "owner")
    config(world, "child", owner, blocks=False)
    held(world, "child")
    delete(world, "owner", "Foreground")
    assert names(world) == ["child"]


def test_a_foreground_owner_lets_go_of_what_another_keeps(world):
    owner, other = config(world, "owner"), config(world, "other")
    config(world, "child", owner, other, blocks=True)
    delete(world, "owner", "Foreground")
    assert names(world) == ["child", "other"]


def test_an_owner_in_another_namespace_is_none(world):
    owner = config(world, "owner")
    config(world, "child", owner, namespace="kube-system")
    assert names(world, "kube-system") == []
    (message,) = world.messages("OwnerRefInvalidNamespace")
    assert message.endswith('does not exist in namespace "kube-system"')


def test_something_cluster_wide_is_not_judged_by_a_namespaced_owner(world):
    owner = config(world, "owner")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name_of(owner), "uid": uid_of(owner)}
    metadata = {"name": "kept", "ownerReferences": [reference]}
    world.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert world.client.get("namespaces", "", "kept") is not None
