"""Writes of one turn of the loop are one commit, and each writer gets its own answer."""

from __future__ import annotations

import asyncio

import pytest

from pocketmesh.api.server.commits import Commits
from pocketmesh.store import Exists, Key, Store, StoreUnusable


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def creation(store, name):
    return lambda: store.create(Key("pods", "shop", name), {"metadata": {"name": name}})


async def test_a_refused_write_leaves_the_others_of_its_commit_alone(store):
    commits = Commits(store)
    writes = [commits.durable(creation(store, name)) for name in ("a", "a", "b")]

    first, refused, last = await asyncio.gather(*writes, return_exceptions=True)

    assert isinstance(refused, Exists)
    assert [first, last] == store.objects("pods")


async def test_a_disk_that_refuses_one_write_refuses_all_of_its_commit(store):
    def refused():
        raise StoreUnusable("database or disk is full")

    commits = Commits(store)
    answers = await asyncio.gather(
        commits.durable(creation(store, "a")), commits.durable(refused), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [StoreUnusable, StoreUnusable]
    assert store.objects("pods") == []


async def test_a_write_is_made_although_its_client_is_gone(store):
    writing = asyncio.create_task(Commits(store).durable(creation(store, "a")))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await asyncio.sleep(0)

    assert len(store.objects("pods")) == 1
