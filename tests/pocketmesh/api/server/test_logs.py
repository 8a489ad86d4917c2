from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pocketmesh.api.runtime import LogOptions

LOG = "/api/v1/namespaces/default/pods/web/log?container=app"


async def test_a_followed_log_comes_line_by_line(api: Any, pod: str) -> None:
    async with api.get(f"{LOG}&follow=true") as response:
        api.runtime.log.put_nowait(b"one\n")
        assert await response.content.readline() == b"one\n"
        api.runtime.log.put_nowait(b"two\n")
        assert await response.content.readline() == b"two\n"
        api.runtime.log.put_nowait(b"")
        assert await response.content.read() == b""

    assert response.content_type == "text/plain"


async def test_what_is_asked_of_a_log_reaches_the_node(api: Any, pod: str) -> None:
    api.runtime.log.put_nowait(b"")
    query = "timestamps=true&tailLines=5&limitBytes=9&sinceTime=2026-01-31T12:00:00Z"
    async with api.get(f"{LOG}&{query}") as response:
        assert response.status == 200

    assert api.runtime.log_options == LogOptions(
        timestamps=True, tail_lines=5, limit_bytes=9, since=datetime(2026, 1, 31, 12, tzinfo=UTC)
    )


async def test_a_refusal_of_the_node_is_a_status(api: Any, pod: str) -> None:
    async with api.get(f"{LOG}&previous=true") as response:
        assert response.status == 400
        assert (await response.json())["message"].startswith("previous terminated container")


async def test_a_log_needs_a_container_when_there_are_several(api: Any, pod: str) -> None:
    async with api.get("/api/v1/namespaces/default/pods/web/log") as response:
        assert "a container name must be specified" in (await response.json())["message"]
