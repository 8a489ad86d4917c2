"""Creating and updating: what the server sets, keeps, counts and refuses."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.strategy import qos_class


def refused(call, *args, **kwargs) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call(*args, **kwargs)
    return raised.value


def config(name: str = "c", **fields: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop"}, **fields}


def test_a_new_object_gets_what_only_the_server_sets(core):
    forged = {"name": "c", "namespace": "shop", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z"}
    metadata = core.create("configmaps", {"metadata": forged})["metadata"]
    assert metadata["creationTimestamp"] == "2026-01-31T12:00:00Z"
    assert metadata["uid"] not in ("", "mine")
    assert "generation" not in metadata


def test_a_generated_name_goes_on_from_its_base(core):
    made = core.create("configmaps", {"metadata": {"generateName": "c-", "namespace": "shop"}})
    assert made["metadata"]["name"].startswith("c-")
    assert len(made["metadata"]["name"]) == len("c-") + 5


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(
            {"metadata": {"name": "c", "namespace": "void"}},
            404,
            'namespaces "void" not found',
            id="no-namespace",
        ),
        pytest.param(
            config(kind="Secret"), 400, 'Secret in version "v1" cannot be handled as a ConfigMap', id="kind"
        ),
        pytest.param(
            config(apiVersion="v2"),
            400,
            "the API version in the data (v2) does not match the expected API version (v1)",
            id="version",
        ),
        pytest.param(
            {"metadata": {"namespace": "shop"}}, 422, "name or generateName is required", id="no-name"
        ),
    ],
)
def test_a_body_that_cannot_be_created_is_refused(core, body, code, message):
    error = refused(core.create, "configmaps", body)
    assert error.code == code
    assert message in str(error)


def test_a_name_is_taken_once(core):
    core.create("configmaps", config())
    assert str(refused(core.create, "configmaps", config())) == 'configmaps "c" already exists'


def test_the_namespace_of_the_path_is_the_one_of_the_object(core):
    error = refused(core.registry.create, core.kind("configmaps"), "other", config(), core.write())
    assert (
        str(error) == "the namespace of the provided object does not match the namespace sent on the request"
    )


def test_an_unknown_field_is_a_warning(core):
    result = core.created("configmaps", config(foo=1))
    assert result.warnings == ('unknown field "foo"',)
    assert "foo" not in result.object


def test_an_unknown_field_is_an_error_when_strict(core):
    error = refused(core.created, "configmaps", config(foo=1), validation="Strict")
    assert error.code == 400
    assert str(error) == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
        'strict decoding error: unknown field "foo"'
    )


def test_a_dry_run_shows_the_object_and_keeps_nothing(core):
    made = core.create("configmaps", config(), dry_run=True)
    assert made["metadata"]["uid"]
    assert not core.exists("configmaps", "c", "shop")


def test_the_status_of_a_new_object_is_the_servers(core, deployment):
    assert core.create("deployments.apps", {**deployment, "status": {"replicas": 9}})["status"] == {}


def test_a_new_pod_is_pending_and_knows_its_class(core):
    pod = core.create("pods", config("p", spec={"containers": [{"name": "c", "image": "i"}]}))
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_new_pod_mounts_its_accounts_token(core):
    pod = core.create("pods", config("p", spec={"containers": [{"name": "c", "image": "i"}]}))
    (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert pod["spec"]["volumes"][0]["name"] == mount["name"]


def test_a_pod_of_an_unknown_account_is_forbidden(core):
    spec = {"serviceAccountName": "ghost", "containers": [{"name": "c", "image": "i"}]}
    assert str(refused(core.create, "pods", config("p", spec=spec))) == (
        'pods "p" is forbidden: error looking up service account shop/ghost: serviceaccount "ghost" not found'
    )


def test_an_update_of_an_old_version_is_a_conflict(core):
    first = core.create("configmaps", config())
    core.update("configmaps", {**first, "data": {"a": "1"}})
    assert refused(core.update, "configmaps", {**first, "data": {"a": "2"}}).reason == "Conflict"


def test_an_update_without_a_version_always_wins(core):
    core.create("configmaps", config())
    assert core.update("configmaps", config(data={"a": "1"}))["data"] == {"a": "1"}


def test_an_update_that_changes_nothing_keeps_the_version(core):
    first = core.create("configmaps", config(data={"a": "1"}))
    core.clock.advance(5)
    assert core.update("configmaps", first) == first
    assert core.update("configmaps", config(data={"a": "1"})) == first


def test_an_update_of_another_uid_is_a_conflict(core):
    first = core.create("configmaps", config())
    other = {**first, "metadata": {**first["metadata"], "uid": "other"}}
    assert "Precondition failed: UID in precondition: other" in str(refused(core.update, "configmaps", other))


def test_an_update_cannot_change_what_only_the_server_sets(core):
    first = core.create("configmaps", config())
    metadata = {**first["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}
    core.update("configmaps", {**first, "metadata": metadata, "data": {"a": "1"}})
    assert core.get("configmaps", "c", "shop")["metadata"]["creationTimestamp"] == "2026-01-31T12:00:00Z"


def test_what_is_not_there_cannot_be_updated(core):
    assert str(refused(core.update, "configmaps", config())) == 'configmaps "c" not found'


def test_a_body_of_another_name_is_refused_before_the_object_is_looked_for(core):
    update = core.registry.update
    error = refused(update, core.kind("configmaps"), "shop", "void", config("other"), core.write())
    assert (error.code, error.reason) == (400, "BadRequest")


def test_a_change_of_the_spec_counts_a_generation(core, deployment):
    made = core.create("deployments.apps", deployment)
    assert made["metadata"]["generation"] == 1
    changed = core.update("deployments.apps", {**made, "spec": {**made["spec"], "replicas": 3}})
    assert changed["metadata"]["generation"] == 2


def test_a_change_of_labels_does_not(core, deployment):
    made = core.create("deployments.apps", deployment)
    metadata = {**made["metadata"], "labels": {"app": "other"}}
    assert core.update("deployments.apps", {**made, "metadata": metadata})["metadata"]["generation"] == 1


def test_a_write_to_the_object_leaves_its_status(core, deployment):
    made = core.create("deployments.apps", deployment)
    assert core.update("deployments.apps", {**made, "status": {"replicas": 7}})["status"] == {}


def test_a_write_to_the_status_leaves_the_rest(core, deployment):
    made = core.create("deployments.apps", deployment)
    wanted = {**made, "spec": {**made["spec"], "replicas": 9}, "status": {"replicas": 7}}
    written = core.update("deployments.apps", wanted, subresource="status")
    assert (written["spec"], written["status"]) == (made["spec"], {"replicas": 7})
    assert written["metadata"]["generation"] == 1


def test_scale_reads_and_writes_the_replicas(core, deployment):
    core.create("deployments.apps", deployment)
    kind = core.kind("deployments.apps")
    scale = core.registry.get(kind, "shop", "web", "scale")
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 1},
        "app=web",
    )
    scaled = core.update("deployments.apps", {**scale, "spec": {"replicas": 4}}, subresource="scale")
    assert scaled["spec"] == {"replicas": 4}
    assert core.get("deployments.apps", "web", "shop")["spec"]["replicas"] == 4


def test_a_scale_of_less_than_nothing_is_invalid(core, deployment):
    core.create("deployments.apps", deployment)
    body = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": -1}}
    error = refused(core.update, "deployments.apps", body, subresource="scale")
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in str(error)


def test_the_merge_patch_of_a_scale_scales(core, deployment):
    core.create("deployments.apps", deployment)
    patch = {"spec": {"replicas": 3}}
    core.patch("deployments.apps", "web", "application/merge-patch+json", patch, "shop", subresource="scale")
    assert core.get("deployments.apps", "web", "shop")["spec"]["replicas"] == 3


def test_a_strict_patch_with_an_unknown_field_is_invalid(core):
    core.create("configmaps", config())
    error = refused(
        core.patch, "configmaps", "c", "application/merge-patch+json", {"x": 1}, "shop", validation="Strict"
    )
    assert error.code == 422
    assert error.message.startswith(' "" is invalid: patch: Invalid value: ')
    assert error.message.endswith('strict decoding error: unknown field "x"')


def test_a_custom_resource_takes_no_strategic_patch(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    patch = "application/strategic-merge-patch+json"
    error = refused(core.patch, "gadgets.example.com", "g", patch, {}, "shop")
    assert error.code == 415
    assert str(error).endswith(
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


def test_a_pod_is_bound_once(core):
    core.create("pods", config("p", spec={"containers": [{"name": "c", "image": "i"}]}))

    def bind(node: str) -> None:
        body = {"target": {"name": node}}
        core.registry.create(core.kind("pods"), "shop", body, core.write(), subresource="binding", name="p")

    bind("one")
    assert core.get("pods", "p", "shop")["spec"]["nodeName"] == "one"
    assert 'pod p is already assigned to node "one"' in str(refused(bind, "two"))


def test_an_eviction_obeys_the_budget(core):
    pod = config("p", spec={"containers": [{"name": "c", "image": "i"}]})
    made = core.create("pods", {**pod, "metadata": {**pod["metadata"], "labels": {"app": "web"}}})
    running = {**made, "status": {**made["status"], "phase": "Running"}}
    core.update("pods", running, subresource="status")
    budget = config("b", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}})
    core.create("poddisruptionbudgets.policy", budget)

    def evict() -> None:
        core.registry.create(core.kind("pods"), "shop", {}, core.write(), subresource="eviction", name="p")

    assert refused(evict).code == 429
    core.delete("poddisruptionbudgets.policy", "b", "shop")
    evict()
    assert not core.exists("pods", "p", "shop")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        pytest.param([{}], "BestEffort", id="nothing"),
        pytest.param([{"requests": {"cpu": "1"}}], "Burstable", id="requests"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed", id="limits"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable", id="of-one-container"),
        pytest.param(
            [{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}],
            "Burstable",
            id="less-than-the-limit",
        ),
    ],
)
def test_the_class_of_a_pod_follows_its_resources(resources, expected):
    containers = [{"name": str(number), "resources": each} for number, each in enumerate(resources)]
    assert qos_class({"containers": containers}) == expected


def test_a_debug_container_is_added_beside_the_others(core):
    core.create("pods", config("p", spec={"containers": [{"name": "c", "image": "i"}]}))
    added = {"name": "debugger", "image": "busybox"}
    patch = {"spec": {"ephemeralContainers": [added], "nodeName": "elsewhere"}}
    strategic = "application/strategic-merge-patch+json"
    pod = core.patch("pods", "p", strategic, patch, "shop", subresource="ephemeralcontainers")
    assert [each["name"] for each in pod["spec"]["ephemeralContainers"]] == ["debugger"]
    assert "nodeName" not in pod["spec"]
