"""Deleting: at once, with grace, held back by finalizers, or not at all."""

from __future__ import annotations

import pytest

from pocketmesh.api.calls import DeleteOptions
from pocketmesh.api.errors import ApiError
from pocketmesh.api.selectors import Selection, parse_labels


def config(name: str = "c", **metadata: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop", **metadata}}


def running_pod(core) -> None:
    core.create("pods", {**config("p"), "spec": {"containers": [{"name": "c", "image": "i"}]}})
    body = {"target": {"name": "node"}}
    core.registry.create(core.kind("pods"), "shop", body, core.write(), subresource="binding", name="p")


def without_finalizers(core, resource: str, name: str, namespace: str = "") -> None:
    core.patch(resource, name, "application/merge-patch+json", {"metadata": {"finalizers": None}}, namespace)


def test_what_nothing_holds_is_gone_at_once(core):
    made = core.create("configmaps", config())
    deletion = core.delete("configmaps", "c", "shop")
    assert deletion.gone
    assert deletion.answer["status"] == "Success"
    assert deletion.answer["details"] == {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert not core.exists("configmaps", "c", "shop")


def test_a_finalizer_holds_an_object_until_it_is_removed(core):
    core.create("configmaps", config(finalizers=["example.com/held"]))
    deletion = core.delete("configmaps", "c", "shop")
    assert not deletion.gone
    assert deletion.answer["metadata"]["deletionTimestamp"] == "2026-01-31T12:00:00Z"
    assert deletion.answer["metadata"]["deletionGracePeriodSeconds"] == 0
    without_finalizers(core, "configmaps", "c", "shop")
    assert not core.exists("configmaps", "c", "shop")


def test_nothing_new_may_hold_what_is_going(core):
    core.create("configmaps", config(finalizers=["example.com/held"]))
    core.delete("configmaps", "c", "shop")
    patch = {"metadata": {"finalizers": ["example.com/held", "example.com/new"]}}
    with pytest.raises(ApiError, match="no new finalizers can be added if the object is being deleted"):
        core.patch("configmaps", "c", "application/merge-patch+json", patch, "shop")


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])],
    ids=["foreground", "orphan"],
)
def test_the_garbage_collector_is_asked_by_a_finalizer(core, deployment, propagation, finalizers):
    core.create("deployments.apps", deployment)
    core.delete("deployments.apps", "web", "shop", propagation=propagation)
    metadata = core.get("deployments.apps", "web", "shop")["metadata"]
    assert metadata["finalizers"] == finalizers
    assert metadata["generation"] == 2


def test_a_running_pod_gets_time_to_end(core):
    running_pod(core)
    core.delete("pods", "p", "shop")
    metadata = core.get("pods", "p", "shop")["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 30
    assert metadata["deletionTimestamp"] == "2026-01-31T12:00:30Z"


def test_the_time_of_a_pod_can_be_cut_short_but_not_prolonged(core):
    running_pod(core)
    core.delete("pods", "p", "shop", grace=10)
    core.delete("pods", "p", "shop", grace=60)
    assert core.get("pods", "p", "shop")["metadata"]["deletionGracePeriodSeconds"] == 10
    core.delete("pods", "p", "shop", grace=5)
    assert core.get("pods", "p", "shop")["metadata"]["deletionGracePeriodSeconds"] == 5


def test_a_pod_goes_when_the_node_says_so(core):
    running_pod(core)
    core.delete("pods", "p", "shop")
    assert core.delete("pods", "p", "shop", grace=0).gone


def test_a_pod_that_never_ran_goes_at_once(core):
    core.create("pods", {**config("p"), "spec": {"containers": [{"name": "c", "image": "i"}]}})
    deletion = core.delete("pods", "p", "shop")
    assert deletion.gone
    assert deletion.answer["kind"] == "Pod"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uid": "other"}, "the UID in the precondition (other) does not match the UID in record"),
        ({"revision": "1"}, "the ResourceVersion in the precondition (1) does not match"),
    ],
    ids=["uid", "version"],
)
def test_a_failed_precondition_is_a_conflict(core, options, message):
    core.create("configmaps", config())
    with pytest.raises(ApiError) as raised:
        core.delete("configmaps", "c", "shop", **options)
    assert raised.value.code == 409
    assert message in str(raised.value)


def test_a_namespace_waits_for_its_controller(core):
    core.delete("namespaces", "shop")
    namespace = core.get("namespaces", "shop")
    assert namespace["status"]["phase"] == "Terminating"
    assert namespace["spec"]["finalizers"] == ["kubernetes"]
    emptied = {**namespace, "spec": {"finalizers": []}}
    core.update("namespaces", emptied, subresource="finalize")
    assert not core.exists("namespaces", "shop")


def test_nothing_is_created_in_a_namespace_that_goes(core):
    core.delete("namespaces", "shop")
    with pytest.raises(ApiError, match="because it is being terminated") as raised:
        core.create("configmaps", config())
    assert raised.value.code == 403


def test_the_default_namespace_stays(core):
    core.create("namespaces", {"metadata": {"name": "default"}})
    with pytest.raises(ApiError) as raised:
        core.delete("namespaces", "default")
    assert str(raised.value) == 'namespaces "default" is forbidden: this namespace may not be deleted'


def test_a_collection_is_deleted_by_selector(core):
    core.create("configmaps", config("a", labels={"x": "1"}))
    core.create("configmaps", config("b"))
    kind, selection = core.kind("configmaps"), Selection(parse_labels("x=1"))
    core.registry.delete_collection(kind, "shop", selection, DeleteOptions(), core.write())
    assert [obj["metadata"]["name"] for obj in core.registry.list(kind, "shop").objects] == ["b"]


def test_a_wrong_propagation_policy_is_refused():
    with pytest.raises(ApiError, match="Unsupported value"):
        DeleteOptions.read({"propagationPolicy": "Sideways"})


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({}, DeleteOptions()),
        ({"gracePeriodSeconds": 0}, DeleteOptions(grace=0)),
        ({"gracePeriodSeconds": -1}, DeleteOptions(grace=1)),
        ({"orphanDependents": True}, DeleteOptions(propagation="Orphan")),
        ({"preconditions": {"uid": "u"}}, DeleteOptions(uid="u")),
    ],
    ids=["none", "now", "negative", "orphan", "uid"],
)
def test_options_are_read_from_the_body(body, options):
    assert DeleteOptions.read(body) == options
