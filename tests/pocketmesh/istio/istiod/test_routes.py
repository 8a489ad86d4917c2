"""What the golden statuses cannot show, because they were written with ambient mode off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.istiod.routes import route_parents
from pocketmesh.istio.settings import Settings

Object = dict[str, Any]

NAMESPACE = {"kind": "Namespace", "metadata": {"name": "app"}}
MISSING_LABEL = (
    "istio.io/use-waypoint label missing from parent and parent namespace; "
    "in ambient mode, route will not be respected"
)


def service(**labels: str) -> Object:
    return {"kind": "Service", "metadata": {"namespace": "app", "name": "web", "labels": labels}, "spec": {}}


def route(parent: Object, *backends: Object, filters: list[Object] | None = None) -> Object:
    return {
        "kind": "HTTPRoute",
        "metadata": {"namespace": "app", "name": "r", "generation": 3},
        "spec": {
            "parentRefs": [parent],
            "rules": [{"backendRefs": list(backends), "filters": filters or []}],
        },
    }


def conditions(found: list[Object]) -> dict[str, tuple[str, str, str]]:
    assert len(found) == 1
    return {
        entry["type"]: (entry["status"], entry["reason"], entry["message"])
        for entry in found[0]["conditions"]
    }


MESH = {"group": "", "kind": "Service", "name": "web"}


@pytest.mark.parametrize(
    ("objects", "accepted", "message"),
    [
        pytest.param(
            [NAMESPACE, service(**{"istio.io/use-waypoint": "wp"})],
            "True",
            "All waypoints resolved",
            id="labelled",
        ),
        pytest.param([NAMESPACE, service()], "True", MISSING_LABEL, id="not labelled"),
        pytest.param([NAMESPACE], "False", "parent not found", id="no parent"),
    ],
)
def test_ambient_mode_says_whether_a_waypoint_will_look_at_the_route(
    objects: list[Object], accepted: str, message: str, reading: Callable[..., Any]
) -> None:
    found = conditions(route_parents(route(MESH), reading(*objects), Settings(), "now"))
    assert found["ResolvedWaypoints"] == ("True", "ResolvedWaypoints", message)
    assert found["Accepted"][0] == accepted


def test_a_service_without_its_group_is_nobodys_parent(reading: Callable[..., Any]) -> None:
    parent = {"kind": "Service", "name": "web"}
    assert route_parents(route(parent), reading(NAMESPACE, service()), Settings(), "now") == []


def test_every_condition_says_which_generation_it_saw(reading: Callable[..., Any]) -> None:
    found = route_parents(route(MESH), reading(NAMESPACE, service()), Settings(), "now")
    assert {entry["observedGeneration"] for entry in found[0]["conditions"]} == {3}


MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "copy", "port": 80}}}


@pytest.mark.parametrize(
    ("backends", "filters", "reason", "message"),
    [
        pytest.param([{"name": "web", "port": 80}], [], "ResolvedRefs", "All references resolved", id="fine"),
        pytest.param(
            [{"name": "gone", "port": 80, "weight": 0}],
            [],
            "ResolvedRefs",
            "All references resolved",
            id="weight 0",
        ),
        pytest.param(
            [{"name": "gone", "namespace": "other", "port": 80}],
            [],
            "BackendNotFound",
            "backend(gone.other.svc.cluster.local) not found",
            id="elsewhere, without a grant",
        ),
        pytest.param(
            [{"name": "gone", "port": 80}],
            [MIRROR],
            "BackendNotFound",
            "backend(gone.app.svc.cluster.local) not found; backend(copy.app.svc.cluster.local) not found",
            id="mirror too",
        ),
        pytest.param(
            [{"name": "web.app", "port": 80}],
            [],
            "InvalidDestination",
            "service name invalid; the name of the Service must be used, not the hostname.",
            id="dotted name",
        ),
        pytest.param(
            [{"name": "web"}], [], "InvalidDestination", "port is required in backendRef", id="without port"
        ),
        pytest.param(
            [
                {
                    "name": "a.example",
                    "group": "networking.istio.io",
                    "kind": "Hostname",
                    "namespace": "x",
                    "port": 80,
                }
            ],
            [],
            "InvalidDestination",
            "namespace may not be set with Hostname type",
            id="hostname with namespace",
        ),
        pytest.param(
            [],
            [{"type": "ExtensionRef"}],
            "InvalidFilter",
            'unsupported filter type "ExtensionRef"',
            id="filter",
        ),
    ],
)
def test_what_is_wrong_behind_a_route_shows_in_its_references(
    backends: list[Object], filters: list[Object], reason: str, message: str, reading: Callable[..., Any]
) -> None:
    given = route(MESH, *backends, filters=filters)
    found = conditions(route_parents(given, reading(NAMESPACE, service()), Settings(), "now"))
    assert found["ResolvedRefs"][1:] == (reason, message)
