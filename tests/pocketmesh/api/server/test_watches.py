from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pocketmesh.api.server import watches

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def add(api: Any, name: str, **labels: str) -> None:
    obj = {"metadata": {"name": name, "labels": labels}}
    async with api.post(CONFIGMAPS, obj) as response:
        assert response.status == 201


async def event(response: Any) -> dict[str, Any]:
    async with asyncio.timeout(5):
        found: dict[str, Any] = json.loads(await response.content.readline())
    return found


def told(found: dict[str, Any]) -> tuple[str, str]:
    return found["type"], found["object"]["metadata"].get("name", "")


async def test_a_watch_begins_with_what_is_there(api: Any) -> None:
    await add(api, "old")
    async with api.get(f"{CONFIGMAPS}?watch=true") as response:
        assert told(await event(response)) == ("ADDED", "old")
        await add(api, "new")
        assert told(await event(response)) == ("ADDED", "new")


async def test_a_watch_from_a_revision_replays_what_came_after(api: Any) -> None:
    await add(api, "old")
    revision = api.registry.store.revision
    await add(api, "new")
    async with api.get(f"{CONFIGMAPS}?watch=true&resourceVersion={revision}") as response:
        assert told(await event(response)) == ("ADDED", "new")


async def test_the_initial_events_end_with_a_bookmark(api: Any) -> None:
    await add(api, "old")
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.get(f"{CONFIGMAPS}?{query}") as response:
        first, second = await event(response), await event(response)

    assert (told(first), second["type"]) == (("ADDED", "old"), "BOOKMARK")
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert second["object"]["metadata"]["resourceVersion"] == str(api.registry.store.revision)


async def test_bookmarks_come_to_those_who_want_them(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "BOOKMARK_SECONDS", 0.01)
    async with api.get(f"{CONFIGMAPS}?watch=true&allowWatchBookmarks=true") as response:
        found = await event(response)

    assert (found["type"], found["object"]["kind"]) == ("BOOKMARK", "ConfigMap")


async def test_a_selection_is_entered_and_left(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?watch=true&labelSelector=color%3Dred") as response:
        await add(api, "c", color="red")
        assert told(await event(response)) == ("ADDED", "c")
        patch = {"metadata": {"labels": {"color": "blue"}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        async with api.session.patch(api.url(f"{CONFIGMAPS}/c"), json=patch, headers=headers) as patched:
            assert patched.status == 200
        assert told(await event(response)) == ("DELETED", "c")


async def test_a_watched_table_describes_its_columns_once(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?watch=true", Accept=TABLE) as response:
        await add(api, "one")
        await add(api, "two")
        first, second = await event(response), await event(response)

    assert [len(found["object"]["columnDefinitions"]) for found in (first, second)] == [3, 0]
    assert second["object"]["rows"][0]["cells"][0] == "two"


async def test_a_revision_that_is_no_longer_kept_ends_the_watch_with_410(api: Any) -> None:
    for number in range(api.kept_events):
        await add(api, f"c{number}")
    async with api.get(f"{CONFIGMAPS}?watch=true&resourceVersion=1") as response:
        found = await event(response)
        rest = await response.content.read()

    assert (response.status, found["type"], found["object"]["code"], rest) == (200, "ERROR", 410, b"")


async def test_a_revision_of_the_future_is_refused(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?watch=true&resourceVersion=9999") as response:
        status = await response.json()

    assert response.status == 504
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_watch_ends_when_its_time_is_up(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?watch=true&timeoutSeconds=1") as response, asyncio.timeout(10):
        assert await response.content.read() == b""


async def test_a_client_that_goes_leaves_no_watch_behind(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    watch = api.registry.watch

    def remembered(*arguments: Any, **options: Any) -> Any:
        opened.append(watch(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(api.registry, "watch", remembered)
    async with api.get(f"{CONFIGMAPS}?watch=true") as response:
        response.close()

    async with asyncio.timeout(5):
        assert [change async for change in opened[0].events] == []


async def test_a_client_that_does_not_read_holds_nobody_up(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?watch=true") as lazy, api.get(f"{CONFIGMAPS}?watch=true") as keen:
        for number in range(200):
            await add(api, f"c{number}", filler="x" * 60)
        names = [told(await event(keen))[1] for _ in range(200)]
        assert lazy.status == 200

    assert names[-1] == "c199"


async def test_a_client_that_never_reads_is_cut_off(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "READER_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port, ssl=api.tls)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(f"GET {CONFIGMAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for number in range(40):
        obj = {"metadata": {"name": f"c{number}"}, "data": {"filler": "x" * 500_000}}
        async with api.post(CONFIGMAPS, obj) as response:
            assert response.status == 201
    async with asyncio.timeout(5):
        while api.registry.store._watches:
            await asyncio.sleep(0.01)

    writer.transport.resume_reading()  # type: ignore[attr-defined]
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(5):
            await reader.readexactly(40 * 500_000)
    writer.close()


async def test_an_event_that_comes_with_the_time_of_a_bookmark_comes_first(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "BOOKMARK_SECONDS", 0.0)
    names = [f"c{number}" for number in range(30)]
    seen: list[int] = []
    async with api.get(f"{CONFIGMAPS}?watch=true&allowWatchBookmarks=true") as response:
        adding = asyncio.ensure_future(asyncio.gather(*(add(api, name) for name in names)))
        while names:
            found = await event(response)
            seen.append(int(found["object"]["metadata"]["resourceVersion"]))
            if found["type"] == "ADDED":
                names.remove(found["object"]["metadata"]["name"])
        await adding

    assert seen == sorted(seen)
