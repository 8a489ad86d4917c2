"""What a Telemetry makes a real waypoint log and count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from .test_metrics import series, waypoint_page

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAYPOINT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
HELLO = {"group": "", "kind": "Service", "name": "hello"}


def telemetry(spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    return {"kind": "Telemetry", "metadata": {"name": "wanted", "namespace": namespace}, "spec": spec}


@contextmanager
def applied(town: Any, *objects: dict[str, Any]) -> Iterator[None]:
    town.put(*objects)
    try:
        yield
    finally:
        for obj in objects:
            town.drop(obj["kind"], obj["metadata"]["name"], obj["metadata"]["namespace"])


def mesh_config(text: str) -> dict[str, Any]:
    meta = {"name": "istio", "namespace": "istio-system"}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"mesh": text}}


async def logged(town: Any, path: str) -> str:
    """The line of the waypoint's log that has this path."""
    found: list[str] = []

    async def there() -> bool:
        lines = (line.data.decode() for line in town.logs["waypoint-1"].lines())
        found[:] = [line for line in lines if path in line]
        return bool(found)

    await town.until(there)
    return found[0]


def was_logged(town: Any, path: str) -> bool:
    return any(path in line.data.decode() for line in town.logs["waypoint-1"].lines())


async def test_a_waypoint_logs_nothing_unless_asked(shared_town) -> None:
    town = shared_town
    await town.get("client", "hello", "/unasked")
    with applied(town, telemetry({"targetRefs": [WAYPOINT], "accessLogging": [{}]})):
        await town.plane.settled()
        await town.get("client", "hello", "/asked-of-nobody")
    with applied(
        town, telemetry({"targetRefs": [WAYPOINT], "accessLogging": [{"providers": [{"name": "envoy"}]}]})
    ):
        await town.plane.settled()
        await town.get("client", "hello", "/asked")
        line = await logged(town, "/asked ")
    assert '"GET /asked HTTP/1.1" 200 - via_upstream' in line
    assert not was_logged(town, "/unasked")
    assert not was_logged(town, "/asked-of-nobody")


async def test_a_cel_expression_says_which_requests_are_logged(shared_town) -> None:
    town = shared_town
    entry = {"providers": [{"name": "envoy"}], "filter": {"expression": "response.code >= 400"}}
    with applied(town, telemetry({"accessLogging": [entry]}, "istio-system")):
        await town.plane.settled()
        await town.get("client", "hello", "/filtered/fine")
        await town.get("client", "hello", "/status/503?filtered")
        await logged(town, "/status/503?filtered")
    assert not was_logged(town, "/filtered/fine")


async def test_labels_of_a_provider_make_json(shared_town) -> None:
    town = shared_town
    config = """
extensionProviders:
- name: json
  envoyFileAccessLog:
    path: /dev/stdout
    logFormat:
      labels: {path: "%REQ_WITHOUT_QUERY(:PATH)%", code: "%RESPONSE_CODE%", who: "%REQ(USER-AGENT)%"}
"""
    wanted = telemetry({"targetRefs": [HELLO], "accessLogging": [{"providers": [{"name": "json"}]}]})
    with applied(town, mesh_config(config), wanted):
        await town.plane.settled()
        await town.get("client", "hello", "/as-json?secret=1", user_agent="tester")
        line = orjson.loads(await logged(town, "/as-json"))
    assert line == {"path": "/as-json", "code": 200, "who": "tester"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param("accessLogFormat: 'just %REQ(:PATH)%'", "just /styled\n", id="text"),
        pytest.param(
            'accessLogEncoding: JSON\naccessLogFormat: \'{"p": "%REQ(:PATH)%"}\'',
            '{"p":"/styled"}\n',
            id="json",
        ),
    ],
)
async def test_the_mesh_says_how_its_log_looks(shared_town, settings: str, expected: str) -> None:
    town = shared_town
    path = f"/styled-{abs(hash(settings))}"
    with applied(town, mesh_config(f"accessLogFile: /dev/stdout\n{settings}")):
        await town.plane.settled()
        await town.get("client", "hello", path)
        assert await logged(town, path) == expected.replace("/styled", path)


async def test_a_service_can_be_spared_the_log_of_the_mesh(shared_town) -> None:
    town = shared_town
    spared = telemetry({"targetRefs": [HELLO], "accessLogging": [{"disabled": True}]})
    with applied(town, mesh_config("accessLogFile: /dev/stdout"), spared):
        await town.plane.settled()
        await town.get("client", "hello", "/spared")
    with applied(town, mesh_config("accessLogFile: /dev/stdout")):
        await town.plane.settled()
        await town.get("client", "hello", "/not-spared")
        await logged(town, "/not-spared")
    assert not was_logged(town, "/spared")


async def test_tags_are_set_from_the_request_and_removed(shared_town) -> None:
    town = shared_town
    tags = {
        "request_method": {"value": "request.method"},
        "path": {"value": "request.url_path"},
        "customer": {"operation": "UPSERT", "value": "request.headers['x-customer']"},
        "port": {"value": "string(destination.port)"},
        "absent": {"value": "request.headers['x-absent']"},
        "response_flags": {"operation": "REMOVE"},
    }
    override = {"match": {"metric": "REQUEST_COUNT"}, "tagOverrides": tags}
    metrics = [{"providers": [{"name": "prometheus"}], "overrides": [override]}]
    with applied(town, telemetry({"targetRefs": [WAYPOINT], "metrics": metrics})):
        await town.plane.settled()
        await town.get("client", "hello", "/tagged?x=1", x_customer="acme")
        wanted = {"path": "/tagged", "request_method": "GET", "customer": "acme"}

        async def counted() -> bool:
            return series(waypoint_page(town), "istio_requests_total", **wanted) == 1

        await town.until(counted)
    page = waypoint_page(town)
    line = next(line for line in page.decode().splitlines() if 'customer="acme"' in line)
    assert 'port="5000"' in line
    assert 'absent="unknown"' in line
    assert "response_flags" not in line
    assert series(page, "istio_request_bytes_count", path="/tagged") == 0


async def test_a_disabled_metric_is_not_counted_and_others_are(shared_town) -> None:
    town = shared_town
    override = {"match": {"metric": "REQUEST_COUNT"}, "disabled": True}
    took = "istio_request_duration_milliseconds_count"
    with applied(town, telemetry({"metrics": [{"overrides": [override]}]}, "istio-system")):
        await town.plane.settled()
        before = {name: series(waypoint_page(town), name) for name in ("istio_requests_total", took)}
        await town.get("client", "hello")

        async def timed() -> bool:
            return series(waypoint_page(town), took) == before[took] + 1

        await town.until(timed)
        assert series(waypoint_page(town), "istio_requests_total") == before["istio_requests_total"]
