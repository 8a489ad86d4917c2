from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from pocketmesh.controllers.runtime import Runtime
from pocketmesh.store import Key, Store


class Recording:
    name = "recording"

    def __init__(self, answers=()):
        self.calls = []
        self.answers = list(answers)

    def concerns(self, event):
        yield event.key.name

    def reconcile(self, key):
        self.calls.append(key)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "own")
    yield store
    store.close()


@pytest.fixture
def runtime(store, world):
    return Runtime(store, world.clock)


def put(store, name):
    store.create(Key("pods", "default", name), {"metadata": {"name": name}})


def test_a_new_reconciler_is_shown_what_exists_already(store, runtime):
    put(store, "a")
    reconciler = Recording()
    runtime.add(reconciler)
    runtime.drain()
    assert reconciler.calls == ["a"]


def test_a_key_that_waits_is_not_queued_twice(store, runtime):
    reconciler = Recording()
    runtime.add(reconciler)
    put(store, "a")
    store.update(Key("pods", "default", "a"), {"metadata": {"name": "a", "labels": {}}})
    runtime.drain()
    assert reconciler.calls == ["a"]


def test_it_is_called_again_after_the_seconds_it_asked_for(store, runtime, world):
    reconciler = Recording([5.0])
    runtime.add(reconciler)
    put(store, "a")
    runtime.drain()
    world.clock.advance(4.9)
    runtime.drain()
    assert reconciler.calls == ["a"]
    world.clock.advance(0.2)
    runtime.drain()
    assert reconciler.calls == ["a", "a"]


def test_failures_are_logged_with_their_key_and_retried_ever_later(store, runtime, world, caplog):
    reconciler = Recording([ValueError("no"), ValueError("no")])
    runtime.add(reconciler)
    put(store, "a")
    with caplog.at_level(logging.ERROR):
        runtime.drain()
    assert "recording a failed" in caplog.text
    world.clock.advance(0.006)
    runtime.drain()
    world.clock.advance(0.006)
    runtime.drain()
    assert len(reconciler.calls) == 2
    world.clock.advance(0.005)
    runtime.drain()
    assert len(reconciler.calls) == 3


def test_a_removed_reconciler_is_not_called_any_more(store, runtime, world):
    reconciler = Recording([1.0])
    runtime.add(reconciler)
    put(store, "a")
    runtime.drain()
    runtime.remove(reconciler)
    put(store, "b")
    world.clock.advance(10)
    runtime.drain()
    assert reconciler.calls == ["a"]


async def test_settled_returns_when_the_queue_is_empty(store, runtime):
    reconciler = Recording()
    runtime.add(reconciler)
    for name in "abc":
        put(store, name)
    running = asyncio.create_task(runtime.run())
    await runtime.settled()
    assert reconciler.calls == ["a", "b", "c"]
    running.cancel()


def test_a_reconciler_that_chokes_on_a_change_does_not_fail_the_write(store, runtime, caplog):
    class Choking(Recording):
        def concerns(self, event):
            raise KeyError("spec")

    healthy = Recording()
    runtime.add(Choking())
    runtime.add(healthy)
    put(store, "a")
    runtime.drain()
    assert healthy.calls == ["a"]
    assert "recording cannot tell what" in caplog.text


class TestWhatIsBehind:
    def test_a_key_that_waits_to_be_looked_at(self, store, runtime):
        runtime.add(Recording())
        put(store, "a")
        assert list(runtime.behind()) == ["recording: a"]
        runtime.drain()
        assert list(runtime.behind()) == []

    def test_a_failure_that_is_tried_again_at_once(self, store, runtime):
        runtime.add(Recording([ValueError("conflict")]))
        put(store, "a")
        runtime.drain()
        assert list(runtime.behind()) == ["recording: a"]

    def test_a_failure_that_stays_is_not(self, store, runtime, world):
        runtime.add(Recording([ValueError("broken")] * 10))
        put(store, "a")
        for _ in range(6):
            runtime.drain()
            world.clock.advance(0.2)
        assert list(runtime.behind()) == []

    def test_what_a_reconciler_wants_to_look_at_later_is_not(self, store, runtime):
        runtime.add(Recording([0.01]))
        put(store, "a")
        runtime.drain()
        assert list(runtime.behind()) == []

    def test_what_a_reconciler_does_beside_the_queue(self, runtime):
        reconciler = Recording()
        with runtime.beside(reconciler, "https://keys"):
            assert list(runtime.behind()) == ["recording: https://keys"]
        assert list(runtime.behind()) == []
