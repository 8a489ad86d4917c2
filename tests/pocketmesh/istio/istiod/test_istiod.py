"""istiod's controllers on a real API, with nothing else at work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Reconciler, Runtime
from pocketmesh.istio.istiod import reconcilers
from pocketmesh.istio.resources import (
    AUTHORIZATION_POLICIES,
    GATEWAY_CLASSES,
    GATEWAYS,
    HTTP_ROUTES,
    SERVICE_ENTRIES,
)
from pocketmesh.objects import annotations_of, condition, is_true

Object = dict[str, Any]


@pytest.fixture
def istiod(registry: Registry, runtime: Runtime) -> list[Reconciler]:
    found = reconcilers(registry, "PEM")
    for reconciler in found:
        runtime.add(reconciler)
    runtime.drain()
    return found


@pytest.fixture
def waypoint(istiod: list[Reconciler], client: Client, runtime: Runtime) -> Object:
    """A Gateway called `wp` in `app`, deployed but without a pod."""
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"namespace": "app", "name": "wp"},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [listener]},
    }
    created = client.create(GATEWAYS, gateway)
    runtime.drain()
    return created


def become_ready(client: Client, name: str) -> None:
    client.create(
        "endpointslices.discovery.k8s.io",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"namespace": "app", "name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "mesh", "port": 15008}],
            "endpoints": [{"addresses": ["10.244.0.9"], "conditions": {"ready": True}}],
        },
    )


def web(**labels: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "app", "name": "web", "labels": labels},
        "spec": {"ports": [{"port": 80}]},
    }


def programmed(client: Client) -> str:
    gateway = client.get(GATEWAYS, "app", "wp")
    assert gateway is not None
    found = condition(gateway, "Programmed")
    assert found is not None
    return str(found["reason"])


def test_the_classes_are_there_and_accepted(istiod: list[Reconciler], client: Client) -> None:
    classes = client.all(GATEWAY_CLASSES)
    names = [found["metadata"]["name"] for found in classes if is_true(found, "Accepted")]
    assert names == ["istio", "istio-remote", "istio-waypoint"]


def test_a_deleted_class_comes_back(istiod: list[Reconciler], client: Client, runtime: Runtime) -> None:
    client.delete(GATEWAY_CLASSES, "", "istio-waypoint")
    runtime.drain()
    assert client.get(GATEWAY_CLASSES, "", "istio-waypoint") is not None


def test_a_waypoint_is_deployed_and_waits_for_its_pod(waypoint: Object, client: Client) -> None:
    for resource in ("serviceaccounts", "deployments.apps", "services"):
        assert client.get(resource, "app", "wp") is not None
    assert programmed(client) == "AddressNotAssigned"


def test_a_deployed_gateway_is_marked_with_its_controllers_version(waypoint: Object, client: Client) -> None:
    gateway = client.get(GATEWAYS, "app", "wp")
    assert gateway is not None
    assert annotations_of(gateway)["gateway.istio.io/controller-version"] == "5"


def test_a_waypoint_with_a_pod_is_programmed_and_binds_services(
    waypoint: Object, client: Client, runtime: Runtime
) -> None:
    client.create("services", web(**{"istio.io/use-waypoint": "wp"}))
    become_ready(client, "wp")
    runtime.drain()
    service = client.get("services", "app", "web")
    assert programmed(client) == "Programmed"
    assert service is not None
    assert is_true(service, "istio.io/WaypointBound")


def test_the_condition_goes_with_the_label(waypoint: Object, client: Client, runtime: Runtime) -> None:
    client.create("services", web(**{"istio.io/use-waypoint": "wp"}))
    runtime.drain()
    client.merge("services", "app", "web", {"metadata": {"labels": {"istio.io/use-waypoint": None}}})
    runtime.drain()
    service = client.get("services", "app", "web")
    assert service is not None
    assert condition(service, "istio.io/WaypointBound") is None


def test_what_others_delete_or_change_is_put_right(
    waypoint: Object, client: Client, runtime: Runtime
) -> None:
    client.delete("services", "app", "wp")
    labels = {"gateway.networking.k8s.io/gateway-class-name": "mine"}
    client.merge("deployments.apps", "app", "wp", {"metadata": {"labels": labels}})
    runtime.drain()
    deployment = client.get("deployments.apps", "app", "wp")
    assert client.get("services", "app", "wp") is not None
    assert deployment is not None
    found = deployment["metadata"]["labels"]["gateway.networking.k8s.io/gateway-class-name"]
    assert found == "istio-waypoint"


def test_an_applications_service_of_the_same_name_is_not_touched(
    istiod: list[Reconciler], client: Client, runtime: Runtime
) -> None:
    theirs = client.create("services", {**web(), "metadata": {"namespace": "app", "name": "wp"}})
    client.create(
        GATEWAYS,
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"namespace": "app", "name": "wp"},
            "spec": {
                "gatewayClassName": "istio-waypoint",
                "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
            },
        },
    )
    runtime.drain()
    assert client.get("services", "app", "wp") == theirs
    assert programmed(client) == "AddressNotAssigned"


def test_a_route_learns_of_a_backend_that_comes_later(
    waypoint: Object, client: Client, runtime: Runtime
) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": "app", "name": "r"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "web"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }

    def reasons() -> list[str]:
        found = client.get(HTTP_ROUTES, "app", "r")
        assert found is not None
        return [entry["reason"] for entry in found["status"]["parents"][0]["conditions"]]

    client.create(HTTP_ROUTES, route)
    runtime.drain()
    assert reasons() == ["NoMatchingParent", "BackendNotFound", "ResolvedWaypoints"]
    client.create("services", web())
    runtime.drain()
    assert reasons() == ["Accepted", "ResolvedRefs", "ResolvedWaypoints"]


def test_every_namespace_has_the_root_certificate_and_gets_it_back(
    istiod: list[Reconciler], client: Client, runtime: Runtime
) -> None:
    client.delete("configmaps", "app", "istio-ca-root-cert")
    runtime.drain()
    found = client.get("configmaps", "app", "istio-ca-root-cert")
    assert found is not None
    assert found["data"] == {"root-cert.pem": "PEM"}


def test_a_service_entry_without_addresses_gets_some(
    istiod: list[Reconciler], client: Client, runtime: Runtime
) -> None:
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"namespace": "app", "name": "outside"},
        "spec": {
            "hosts": ["outside.example"],
            "resolution": "DNS",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        },
    }
    client.create(SERVICE_ENTRIES, entry)
    runtime.drain()
    found = client.get(SERVICE_ENTRIES, "app", "outside")
    assert found is not None
    assert [address["value"] for address in found["status"]["addresses"]] == ["240.240.0.1", "2001:2::1"]


def policy() -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"namespace": "app", "name": "p"},
        "spec": {"targetRefs": [{"kind": "Service", "group": "", "name": "web"}]},
    }


def test_a_policy_that_changes_its_enforcer_changes_its_condition(
    istiod: list[Reconciler], client: Client, runtime: Runtime
) -> None:
    def types() -> list[str]:
        found = client.get(AUTHORIZATION_POLICIES, "app", "p")
        assert found is not None
        return [entry["type"] for entry in found["status"]["conditions"]]

    client.create(AUTHORIZATION_POLICIES, policy())
    runtime.drain()
    assert types() == ["WaypointAccepted"]
    client.merge(AUTHORIZATION_POLICIES, "app", "p", {"spec": {"targetRefs": None}})
    runtime.drain()
    assert types() == ["ZtunnelAccepted"]


class LaterClock:
    def now(self) -> datetime:
        return datetime(2099, 1, 1, tzinfo=UTC)


def test_nothing_is_written_when_nothing_changed(
    istiod: list[Reconciler], waypoint: Object, client: Client, registry: Registry, runtime: Runtime
) -> None:
    client.create("services", web(**{"istio.io/use-waypoint": "wp"}))
    client.create(AUTHORIZATION_POLICIES, policy())
    become_ready(client, "wp")
    runtime.drain()
    revision = registry.store.revision
    registry.clock = LaterClock()
    for old in istiod:
        runtime.remove(old)
    for new in reconcilers(registry, "PEM"):
        runtime.add(new)
    runtime.drain()
    assert registry.store.revision == revision
