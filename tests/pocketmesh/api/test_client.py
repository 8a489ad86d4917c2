"""The in-process client: short, trusted, and with an owner for what it writes."""

from __future__ import annotations

import pytest

from pocketmesh.api import bootstrap
from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError

CONFIG = {"metadata": {"name": "c", "namespace": "shop"}, "data": {"a": "1"}}


@pytest.fixture
def client(core) -> Client:
    return Client(core.registry, "kube-controller-manager")


def test_what_is_not_there_is_none(client):
    assert client.get("configmaps", "shop", "c") is None


def test_it_writes_under_its_own_name(client):
    made = client.create("configmaps", CONFIG)
    assert made["metadata"]["managedFields"][0]["manager"] == "kube-controller-manager"
    assert client.all("configmaps", "shop") == [made]


def test_deleting_what_is_gone_is_fine(client):
    made = client.create("configmaps", CONFIG)
    client.delete("configmaps", "shop", "c", uid="other")
    assert client.get("configmaps", "shop", "c") is not None
    client.delete("configmaps", "shop", "c", uid=made["metadata"]["uid"])
    client.delete("configmaps", "shop", "c")
    assert client.all("configmaps") == []


def test_an_update_from_an_old_reading_is_a_conflict(client):
    first = client.create("configmaps", CONFIG)
    client.merge("configmaps", "shop", "c", {"data": {"a": "2"}})
    with pytest.raises(ApiError) as raised:
        client.update("configmaps", {**first, "data": {"a": "3"}})
    assert raised.value.reason == "Conflict"


def test_a_status_that_is_the_same_writes_nothing(client, core, deployment):
    client.create("deployments.apps", deployment)
    written = client.update_status("deployments.apps", {**deployment, "status": {"replicas": 1}})
    core.clock.advance(10)
    assert client.update_status("deployments.apps", {**deployment, "status": {"replicas": 1}}) == written


def test_an_apply_creates_and_drops_what_it_no_longer_names(client):
    client.apply("configmaps", CONFIG)
    client.merge("configmaps", "shop", "c", {"data": {"other": "x"}})
    assert client.apply("configmaps", {**CONFIG, "data": {"b": "2"}})["data"] == {"other": "x", "b": "2"}


def test_a_fresh_cluster_is_made_once(client):
    bootstrap.create_missing(client)
    revision = client.registry.store.revision
    bootstrap.create_missing(client)
    assert client.registry.store.revision == revision
    service = client.get("services", "default", "kubernetes")
    assert service is not None
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    namespaces = [obj["metadata"]["name"] for obj in client.all("namespaces")]
    assert namespaces == ["default", "kube-node-lease", "kube-public", "kube-system", "shop"]
