"""Server-side apply and the owners of fields, whoever writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketmesh.api.errors import ApiError
from pocketmesh.objects import copied

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"


def config(name: str = "c", **fields: Any) -> dict[str, Any]:
    head = {"apiVersion": "v1", "kind": "ConfigMap"}
    return {**head, "metadata": {"name": name, "namespace": "shop"}, **fields}


def entry(obj: dict[str, Any], manager: str, operation: str = "Apply", subresource: str = "") -> Any:
    """What a manager owns."""
    for owner in obj["metadata"].get("managedFields", []):
        if (owner["manager"], owner["operation"], owner.get("subresource", "")) == (
            manager,
            operation,
            subresource,
        ):
            return owner["fieldsV1"]
    return None


def container(obj: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = obj["spec"]["template"]["spec"]["containers"][0]
    return found


def refused(core, resource: str, obj: dict[str, Any], manager: str = "two", **write: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        core.apply(resource, obj, manager=manager, **write)
    return raised.value


def test_an_apply_creates_what_is_not_there(core):
    made = core.apply("configmaps", config(data={"a": "1"}), manager="one")
    assert made["data"] == {"a": "1"}
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "2026-01-31T12:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}},
        }
    ]


def test_an_apply_owns_what_it_states_and_not_what_is_defaulted(core, deployment):
    made = core.apply("deployments.apps", deployment, manager="one")
    assert container(made)["imagePullPolicy"] == "IfNotPresent"
    owned = entry(made, "one")["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert owned == {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
    }


def test_a_create_owns_the_containers_of_its_fields_too(core, deployment):
    made = core.create("deployments.apps", deployment, manager="one")
    owned = entry(made, "one", "Update")
    assert owned["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    assert owned["f:spec"]["f:strategy"] == {
        "f:type": {},
        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
    }
    assert owned["f:spec"]["f:selector"] == {}
    assert "f:status" not in owned


def test_applying_twice_changes_nothing(core, deployment):
    made = core.apply("deployments.apps", deployment, manager="one")
    core.clock.advance(60)
    assert core.apply("deployments.apps", deployment, manager="one") == made


def test_what_is_no_longer_stated_is_gone(core):
    core.apply("configmaps", config(data={"a": "1", "b": "2"}), manager="one")
    assert core.apply("configmaps", config(data={"b": "2"}), manager="one")["data"] == {"b": "2"}


def test_what_is_no_longer_stated_stays_when_another_owns_it(core):
    for manager in ("one", "two"):
        core.apply("configmaps", config(data={"a": "1"}), manager=manager)
    left = core.apply("configmaps", config(), manager="one")
    assert left["data"] == {"a": "1"}
    assert entry(left, "one") is None
    assert entry(left, "two") == {"f:data": {"f:a": {}}}


def test_a_struct_goes_with_its_defaults(core, deployment):
    wanted = {**deployment, "spec": {**deployment["spec"], "strategy": {"type": "Recreate"}}}
    assert core.apply("deployments.apps", wanted, manager="one")["spec"]["strategy"] == {"type": "Recreate"}
    again = core.apply("deployments.apps", deployment, manager="one")
    assert again["spec"]["strategy"]["type"] == "RollingUpdate"


def test_an_item_of_a_list_is_dropped_by_its_key(core, deployment):
    both = copied(deployment)
    container(both)["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    core.apply("deployments.apps", both, manager="one")
    one = copied(deployment)
    container(one)["env"] = [{"name": "B", "value": "2"}]
    assert container(core.apply("deployments.apps", one, manager="one"))["env"] == [
        {"name": "B", "value": "2"}
    ]


def test_two_appliers_share_a_list(core, deployment):
    core.apply("deployments.apps", deployment, manager="one")
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": deployment["metadata"], "spec": {}}
    sidecar = {"name": "side", "image": "busybox"}
    other["spec"] = {"template": {"spec": {"containers": [sidecar]}}}
    made = core.apply("deployments.apps", other, manager="two")
    assert [c["name"] for c in made["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    other["spec"] = {}
    left = core.apply("deployments.apps", other, manager="two")
    assert [c["name"] for c in left["spec"]["template"]["spec"]["containers"]] == ["web"]


def test_items_come_in_the_order_of_the_configuration(core, deployment):
    def env(*names: str) -> dict[str, Any]:
        wanted = copied(deployment)
        container(wanted)["env"] = [{"name": name, "value": "x"} for name in names]
        return wanted

    core.apply("deployments.apps", env("A", "C"), manager="one")
    made = core.apply("deployments.apps", env("C", "B", "A"), manager="one")
    assert [variable["name"] for variable in container(made)["env"]] == ["C", "B", "A"]


def test_a_field_of_another_applier_is_a_conflict(core):
    core.apply("configmaps", config(data={"a": "1"}), manager="one")
    error = refused(core, "configmaps", config(data={"a": "2"}))
    assert (error.code, error.reason) == (409, "Conflict")
    assert str(error) == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert error.details["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    ]


def test_a_field_of_an_updater_is_a_conflict_with_its_time(core, deployment):
    core.apply("deployments.apps", deployment, manager="one")
    core.patch("deployments.apps", "web", MERGE, {"spec": {"replicas": 3}}, "shop", manager="kubectl-scale")
    error = refused(core, "deployments.apps", deployment, manager="one")
    assert str(error) == (
        'Apply failed with 1 conflict: conflict with "kubectl-scale" using apps/v1 '
        "at 2026-01-31T12:00:00Z: .spec.replicas"
    )


def test_a_scaling_is_named_with_its_subresource(core, deployment):
    core.apply("deployments.apps", deployment, manager="one")
    patch = {"spec": {"replicas": 3}}
    core.patch("deployments.apps", "web", MERGE, patch, "shop", manager="hpa", subresource="scale")
    assert 'conflict with "hpa" with subresource "scale" using apps/v1' in str(
        refused(core, "deployments.apps", deployment, manager="one")
    )


def test_force_takes_the_field_over(core):
    core.apply("configmaps", config(data={"a": "1", "b": "1"}), manager="one")
    taken = core.apply("configmaps", config(data={"a": "2"}), manager="two", force=True)
    assert taken["data"] == {"a": "2", "b": "1"}
    assert entry(taken, "one") == {"f:data": {"f:b": {}}}
    assert entry(taken, "two") == {"f:data": {"f:a": {}}}


def test_the_same_value_is_shared_without_conflict(core):
    core.apply("configmaps", config(data={"a": "1"}), manager="one")
    both = core.apply("configmaps", config(data={"a": "1"}), manager="two")
    assert entry(both, "one") == entry(both, "two") == {"f:data": {"f:a": {}}}


def test_an_update_takes_fields_from_their_owners(core):
    made = core.apply("configmaps", config(data={"a": "1", "b": "1"}), manager="one")
    core.clock.advance(5)
    changed = core.update("configmaps", {**made, "data": {"a": "2", "b": "1"}}, manager="edit")
    assert entry(changed, "one") == {"f:data": {"f:b": {}}}
    assert entry(changed, "edit", "Update") == {"f:data": {"f:a": {}}}


def test_an_update_that_removes_a_field_removes_its_owners(core):
    made = core.apply("configmaps", config(data={"a": "1", "b": "1"}), manager="one")
    changed = core.update("configmaps", {**made, "data": {"b": "1"}}, manager="edit")
    assert entry(changed, "one") == {"f:data": {"f:b": {}}}
    assert entry(changed, "edit", "Update") is None


def test_the_status_has_owners_of_its_own(core, deployment):
    made = core.create("deployments.apps", deployment, manager="one")
    status = {**made, "status": {"replicas": 1}}
    written = core.update("deployments.apps", status, subresource="status", manager="controller")
    assert entry(written, "controller", "Update", "status") == {"f:status": {"f:replicas": {}}}
    assert entry(written, "one", "Update") == entry(made, "one", "Update")


def test_the_status_can_be_applied(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    head = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "shop"}}
    core.apply("gadgets.example.com", {**head, "spec": {"color": "red"}}, manager="one")
    wanted = {**head, "spec": {"color": "blue"}, "status": {"ready": True}}
    made = core.apply("gadgets.example.com", wanted, manager="two", subresource="status")
    assert (made["spec"]["color"], made["status"]) == ("red", {"ready": True})
    assert entry(made, "two", "Apply", "status") == {"f:status": {"f:ready": {}}}


def test_a_status_in_the_configuration_of_the_object_is_ignored(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    head = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "shop"}}
    made = core.apply("gadgets.example.com", {**head, "spec": {}, "status": {"ready": True}}, manager="one")
    assert "status" not in made


def test_sets_are_owned_item_by_item(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    head = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "shop"}}

    def apply(manager: str, *tags: str) -> dict[str, Any]:
        made: dict[str, Any] = core.apply(
            "gadgets.example.com", {**head, "spec": {"tags": list(tags)}}, manager=manager
        )
        return made

    apply("one", "a", "b")
    both = apply("two", "b", "c")
    assert both["spec"]["tags"] == ["a", "b", "c"]
    assert entry(both, "two") == {"f:spec": {"f:tags": {'v:"b"': {}, 'v:"c"': {}}}}
    assert apply("one", "a")["spec"]["tags"] == ["a", "b", "c"]
    assert apply("two", "c")["spec"]["tags"] == ["a", "c"]


def test_an_atomic_map_is_owned_whole(core, deployment):
    core.apply("deployments.apps", deployment, manager="one")
    made = core.get("deployments.apps", "web", "shop")
    assert entry(made, "one")["f:spec"]["f:selector"] == {}


@pytest.mark.parametrize("empty", [[], [{}]], ids=["no-entry", "empty-entry"])
def test_owners_can_be_forgotten(core, empty):
    core.apply("configmaps", config(data={"a": "1"}), manager="one")
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": empty}]
    assert "managedFields" not in core.patch("configmaps", "c", JSON, patch, "shop")["metadata"]


def test_the_first_apply_to_an_object_without_owners_finds_one(core):
    core.create("configmaps", config(data={"a": "1"}), manager="one")
    core.patch("configmaps", "c", MERGE, {"metadata": {"managedFields": []}}, "shop")
    error = refused(core, "configmaps", config(data={"a": "2"}))
    assert 'conflict with "before-first-apply" using v1' in str(error)


def test_kubectls_migration_moves_its_own_entry(core):
    """What `kubectl apply --server-side` sends to an object that it applied from the client side."""
    core.create("configmaps", config(data={"a": "1"}), manager="kubectl-client-side-apply")
    owners = copied(core.get("configmaps", "c", "shop"))["metadata"]["managedFields"]
    owners[0].update(manager="kubectl", operation="Apply")
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": owners}]
    core.patch("configmaps", "c", JSON, patch, "shop", manager="kubectl")
    assert core.apply("configmaps", config(data={"b": "2"}), manager="kubectl")["data"] == {"b": "2"}


def test_kubectl_is_not_in_conflict_with_its_own_last_applied(core):
    last = '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1"}}'
    body = config(data={"a": "1", "x": "1"})
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last}
    core.create("configmaps", body, manager="kubectl-client-side-apply")
    assert core.apply("configmaps", config(data={"a": "2"}), manager="kubectl")["data"]["a"] == "2"
    assert refused(core, "configmaps", config(data={"x": "2"}), manager="kubectl").code == 409


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(
            {"metadata": {"name": "c", "namespace": "shop", "managedFields": []}},
            400,
            "metadata.managedFields must be nil",
            id="owners",
        ),
        pytest.param(
            {"foo": 1},
            500,
            "failed to create typed patch object (shop/c; /v1, Kind=ConfigMap): "
            ".foo: field not declared in schema",
            id="unknown",
        ),
        pytest.param({"apiVersion": "v2"}, 400, "the API version in the data (v2)", id="version"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(core, change, code, message):
    error = refused(core, "configmaps", {**config(), **change})
    assert error.code == code
    assert message in str(error)


def test_an_apply_with_an_old_version_is_a_conflict(core):
    made = core.apply("configmaps", config(data={"a": "1"}), manager="one")
    core.apply("configmaps", config(data={"a": "2"}), manager="one")
    stale = config(data={"a": "3"})
    stale["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    assert refused(core, "configmaps", stale, manager="one").reason == "Conflict"


def test_the_oldest_of_many_updaters_are_folded_into_one(core):
    core.create("configmaps", config(data={"a": "1"}), manager="first")
    for number in range(12):
        core.clock.advance(1)
        patch = {"data": {f"k{number}": "x"}}
        core.patch("configmaps", "c", MERGE, patch, "shop", manager=f"m{number}")
    owners = core.get("configmaps", "c", "shop")["metadata"]["managedFields"]
    assert len(owners) == 10
    assert owners[0]["manager"] == "ancient-changes"


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4)
LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LAW
@given(DATA, DATA)
def test_an_apply_is_idempotent(core, before, data):
    core.apply("configmaps", config(data=before), manager="one", force=True)
    once = core.apply("configmaps", config(data=data), manager="two", force=True)
    assert core.apply("configmaps", config(data=data), manager="two", force=True) == once


@LAW
@given(DATA, DATA, DATA)
def test_what_an_applier_withdraws_is_gone_unless_owned_by_another(core, mine, theirs, later):
    core.apply("configmaps", config(data=theirs), manager="other", force=True)
    core.apply("configmaps", config(data=mine), manager="me", force=True)
    made = core.apply("configmaps", config(data=later), manager="me", force=True).get("data", {})
    others = {key: value for key, value in theirs.items() if mine.get(key, value) == value}
    others = {key: value for key, value in others.items() if later.get(key, value) == value}
    assert made == {**others, **later}
    core.apply("configmaps", config(), manager="me")
    core.apply("configmaps", config(), manager="other")


NAMES = st.sets(st.sampled_from("ABCD"))


@LAW
@given(NAMES, NAMES, NAMES)
def test_items_of_a_list_obey_the_same_law(core, deployment, mine, theirs, later):
    def apply(manager: str, names: set[str]) -> list[str]:
        wanted = copied(deployment)
        container(wanted)["env"] = [{"name": name, "value": "x"} for name in sorted(names)]
        made = core.apply("deployments.apps", wanted, manager=manager)
        return [variable["name"] for variable in container(made).get("env", [])]

    apply("other", theirs)
    assert set(apply("me", mine)) == mine | theirs
    assert set(apply("me", later)) == later | theirs
    assert apply("me", later) == apply("me", later)
    apply("other", set())
    assert apply("me", set()) == []
