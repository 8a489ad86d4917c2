"""Which logs and metrics follow from Telemetries, level over level."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh import Mesh
from pocketmesh.istio.mesh.attachments import Proxy
from pocketmesh.istio.mesh.extensions import extensions
from pocketmesh.istio.mesh.mesh_config import mesh_config
from pocketmesh.istio.mesh.telemetry import Changes, access_log_plan, metrics_plan

WAYPOINT = Proxy("waypoint", "shop", "waypoint", "istio-waypoint", {"app": "waypoint"})
GATEWAY = Proxy("router", "shop", "edge", "istio", {"app": "edge"})
SERVICE = ("Service", "shop", "hello")
ENVOY = [{"name": "envoy"}]
LOGGED = {"accessLogging": [{"providers": ENVOY}]}
TO_WAYPOINT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
TO_CLASS = {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
TO_SERVICE = {"kind": "Service", "name": "hello"}


def telemetry(spec: dict[str, Any], namespace: str = "shop", created: str = "2026-01-01") -> dict[str, Any]:
    meta = {"name": f"t-{created}", "namespace": namespace, "creationTimestamp": created}
    return {"kind": "Telemetry", "metadata": meta, "spec": spec}


def mesh(*items: dict[str, Any], config: str = "") -> Mesh:
    return Mesh(telemetries=extensions(items), config=mesh_config(config))


@pytest.mark.parametrize(
    ("proxy", "item", "logs"),
    [
        pytest.param(WAYPOINT, telemetry(LOGGED, "istio-system"), 1, id="the-whole-mesh"),
        pytest.param(WAYPOINT, telemetry(LOGGED), 1, id="its-namespace"),
        pytest.param(WAYPOINT, telemetry(LOGGED, "other"), 0, id="another-namespace"),
        pytest.param(WAYPOINT, telemetry({**LOGGED, "targetRefs": [TO_WAYPOINT]}), 1, id="the-gateway"),
        pytest.param(WAYPOINT, telemetry({**LOGGED, "targetRefs": [TO_SERVICE]}), 1, id="the-service"),
        pytest.param(
            WAYPOINT, telemetry({**LOGGED, "targetRefs": [TO_CLASS]}, "istio-system"), 1, id="the-class"
        ),
        pytest.param(
            WAYPOINT, telemetry({**LOGGED, "targetRefs": [TO_CLASS]}), 0, id="the-class-from-elsewhere"
        ),
        pytest.param(
            WAYPOINT,
            telemetry({**LOGGED, "selector": {"matchLabels": {"app": "waypoint"}}}),
            0,
            id="waypoints-obey-no-selector",
        ),
        pytest.param(
            GATEWAY,
            telemetry({**LOGGED, "selector": {"matchLabels": {"app": "edge"}}}),
            1,
            id="gateways-obey-selectors",
        ),
        pytest.param(
            WAYPOINT,
            telemetry({"accessLogging": [{"providers": ENVOY, "match": {"mode": "CLIENT"}}]}),
            0,
            id="a-waypoint-is-a-server",
        ),
        pytest.param(
            WAYPOINT,
            telemetry({"accessLogging": [{"providers": [{"name": "who"}]}]}),
            0,
            id="no-such-provider",
        ),
    ],
)
def test_a_telemetry_reaches(proxy: Proxy, item: dict[str, Any], logs: int) -> None:
    assert len(access_log_plan(mesh(item), proxy, SERVICE)) == logs


def test_the_narrower_level_decides() -> None:
    off = {"accessLogging": [{"disabled": True}], "targetRefs": [TO_SERVICE]}
    town = mesh(telemetry(LOGGED, "istio-system"), telemetry(off))
    assert access_log_plan(town, WAYPOINT, SERVICE) == ()
    assert len(access_log_plan(town, WAYPOINT, ("Service", "shop", "other"))) == 1


def test_of_several_of_one_level_the_oldest_counts() -> None:
    off = telemetry({"accessLogging": [{"disabled": True}]}, "istio-system", "2026-02-02")
    old = telemetry(LOGGED, "istio-system", "2026-01-01")
    assert len(access_log_plan(mesh(off, old), WAYPOINT)) == 1


def test_named_providers_stand_in_for_the_log_of_the_mesh() -> None:
    found = access_log_plan(
        mesh(telemetry(LOGGED), config="accessLogFile: /dev/stdout\naccessLogFormat: short"), WAYPOINT
    )
    assert [(log.path, log.text) for log in found] == [("/dev/stdout", "")]


def test_default_providers_log_without_a_telemetry() -> None:
    found = access_log_plan(mesh(config="defaultProviders: {accessLogging: [envoy]}"), WAYPOINT)
    assert [log.path for log in found] == ["/dev/stdout"]


def override(tags: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    change = {**({"tagOverrides": tags} if tags else {}), **fields}
    return {"metrics": [{"overrides": [change]}]}


def test_overrides_of_all_levels_add_up() -> None:
    wide = override({"a": {"value": "request.host"}, "b": {"operation": "REMOVE"}})
    narrow = override({"b": {"value": "request.method"}}, match={"metric": "REQUEST_COUNT"})
    plan = metrics_plan(mesh(telemetry(wide, "istio-system"), telemetry(narrow)), WAYPOINT)
    assert plan["istio_requests"] == Changes(set={"a": "request.host", "b": "request.method"})
    assert plan["istio_response_bytes"] == Changes(set={"a": "request.host"}, removed=frozenset({"b"}))


@pytest.mark.parametrize(
    ("spec", "disabled"),
    [
        pytest.param(override(disabled=True), 8, id="all"),
        pytest.param(override(disabled=True, match={"metric": "REQUEST_SIZE"}), 1, id="one"),
        pytest.param(
            override(disabled=True, match={"customMetric": "istio_requests_total"}), 1, id="by-its-own-name"
        ),
        pytest.param(override(disabled=True, match={"mode": "CLIENT"}), 0, id="for-clients"),
        pytest.param({"metrics": [{"providers": [{"name": "stackdriver"}]}]}, 8, id="for-others"),
    ],
)
def test_metrics_can_be_switched_off(spec: dict[str, Any], disabled: int) -> None:
    plan = metrics_plan(mesh(telemetry(spec)), WAYPOINT)
    assert sum(changes.disabled for changes in plan.values()) == disabled
