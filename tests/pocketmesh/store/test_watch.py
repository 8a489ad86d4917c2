"""Watches whose readers are slow: nothing is lost unsaid, and nothing grows without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketmesh.store import Expired, Key, Store, Watch
from pocketmesh.store import store as module

KEPT = 500


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, kept_events=KEPT)
    yield store
    store.close()


def changes(store: Store, count: int, *, size: int = 0, resource: str = "pods") -> None:
    for number in range(count):
        key = Key(resource, "shop", f"p{store.revision}-{number}")
        store.create(key, {"metadata": {"name": key.name}, "filler": "x" * size})


def revisions(watch: Watch) -> list[int]:
    found = []
    while (event := watch.pending()) is not None:
        found.append(event.revision)
    return found


def test_a_long_past_is_followed_by_what_happens_meanwhile(store: Store) -> None:
    changes(store, 250)
    watch = store.watch("pods", since=1)
    first = [watch.pending() for _ in range(150)]

    changes(store, 50)

    assert [event.revision for event in first if event] == list(range(2, 152))
    assert revisions(watch) == list(range(152, 302))


def test_a_replay_is_of_one_resource_and_namespace(store: Store) -> None:
    changes(store, 3)
    changes(store, 3, resource="secrets")

    assert revisions(store.watch("secrets", namespace="shop", since=1)) == [5, 6, 7]
    assert revisions(store.watch("secrets", namespace="void", since=1)) == []


async def test_a_past_that_is_forgotten_while_it_is_read_is_expired(store: Store) -> None:
    changes(store, 300)
    watch = store.watch("pods", since=1)
    assert watch.pending() is not None

    changes(store, KEPT)

    with pytest.raises(Expired):
        async for _ in watch:
            pass


async def test_a_reader_that_lets_too_much_wait_is_expired(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_BACKLOG", 100_000)
    watch = store.watch("pods")

    changes(store, 5, size=30_000)

    with pytest.raises(Expired):
        await anext(watch)


async def test_a_reader_that_keeps_up_may_see_any_amount(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_BACKLOG", 100_000)
    watch = store.watch("pods")

    for _ in range(10):
        changes(store, 1, size=30_000)
        assert watch.pending() is not None
