"""`kill -9` at any moment: what was answered is there, nothing is half there, and time does not run back."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
WRITERS = 4
PATIENCE = 30.0

State = str | None


@dataclass
class Ledger:
    """What is known of each object: the states that it may be in. One, unless an answer was lost."""

    states: dict[str, set[State]] = field(default_factory=dict)
    revision: int = 0

    def answered(self, name: str, state: State, obj: Any) -> None:
        self.states[name] = {state}
        if obj["kind"] == "ConfigMap":
            self.revision = max(self.revision, int(obj["metadata"]["resourceVersion"]))


def body(name: str, number: int) -> Any:
    """An object that shows when it is not whole."""
    value = str(number)
    return {"metadata": {"name": name}, "data": {"first": value, "filler": value * 200, "last": value}}


def number_of(obj: Any) -> str:
    data = obj["data"]
    assert data["first"] == data["last"]
    assert data["filler"] == data["first"] * 200
    return str(data["first"])


async def keep_writing(
    session: aiohttp.ClientSession, writer: int, ledger: Ledger, dice: random.Random
) -> None:
    """Creates, replaces and deletes objects of its own until the server is gone."""
    for number in range(10_000):
        name = f"w{writer}-{dice.randrange(5)}"
        (before,) = ledger.states.get(name, {None})
        delete = before is not None and dice.random() < 0.3
        after = None if delete else str(number)
        ledger.states[name] = {before, after}
        try:
            answer = await _write(session, name, number, before is not None, delete)
        except aiohttp.ClientError:
            return
        ledger.answered(name, after, answer)


async def _write(session: aiohttp.ClientSession, name: str, number: int, exists: bool, delete: bool) -> Any:
    if delete:
        request = session.delete(f"{CONFIGMAPS}/{name}")
    elif exists:
        request = session.put(f"{CONFIGMAPS}/{name}", json=body(name, number))
    else:
        request = session.post(CONFIGMAPS, json=body(name, number))
    async with request as response:
        assert response.ok, await response.text()
        return await response.json()


class Follower:
    """A client that rebuilds the objects from a watch, and goes on where it was after each loss."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.revision = ""

    async def follow(self, session: aiohttp.ClientSession, until: dict[str, str] | None = None) -> None:
        """Follows until the server is gone, or until it has seen what is there."""
        path = f"{CONFIGMAPS}?watch=true&resourceVersion={self.revision}"
        try:
            async with session.get(path) as response:
                while self.objects != until:
                    line = await response.content.readline()
                    if not line:
                        return
                    self._take(json.loads(line))
        except aiohttp.ClientError:
            return

    def _take(self, event: Any) -> None:
        obj = event["object"]
        assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
        assert int(obj["metadata"]["resourceVersion"]) > int(self.revision or 0)
        self.revision = obj["metadata"]["resourceVersion"]
        name = obj["metadata"]["name"]
        if event["type"] == "DELETED":
            del self.objects[name]
        elif name.startswith("w"):
            assert (name in self.objects) == (event["type"] == "MODIFIED"), event
            self.objects[name] = number_of(obj)


async def listed(session: aiohttp.ClientSession) -> tuple[int, dict[str, str]]:
    async with session.get(CONFIGMAPS) as response:
        found = await response.json()
    items = {item["metadata"]["name"]: item for item in found["items"]}
    objects = {name: number_of(item) for name, item in items.items() if name.startswith("w")}
    return int(found["metadata"]["resourceVersion"]), objects


async def round_of_load(daemon: Any, ledger: Ledger, follower: Follower, dice: random.Random) -> None:
    """Load, a kill in the midst of it, a restart, and a look at what is left."""
    async with daemon.session() as session:
        work = [keep_writing(session, writer, ledger, dice) for writer in range(WRITERS)]
        running = asyncio.gather(follower.follow(session), *work)
        await asyncio.sleep(dice.uniform(0.0, 0.3))
        daemon.kill()
        await running
    await asyncio.to_thread(daemon.start)
    async with daemon.session() as session, asyncio.timeout(PATIENCE):
        revision, objects = await listed(session)
        assert revision >= max(ledger.revision, int(follower.revision or 0))
        for name, possible in ledger.states.items():
            assert objects.get(name) in possible, name
            ledger.states[name] = {objects.get(name)}
        await follower.follow(session, until=objects)
        assert follower.objects == objects


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_what_was_answered_survives_kill_9(daemon: Any, rounds: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice, ledger, follower = random.Random(seed), Ledger(), Follower()
    daemon.start()

    for _ in range(rounds):
        await round_of_load(daemon, ledger, follower, dice)

    print(f"revision {ledger.revision}")
    assert ledger.revision > rounds
    assert "Traceback" not in daemon.said()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, daemon_of: Any) -> Any:
    """A cluster that was filled without trouble."""
    daemon = daemon_of(tmp_path_factory.mktemp("undisturbed") / "state", "ambient")
    started = time.monotonic()
    daemon.start()
    daemon.took = time.monotonic() - started
    return daemon


FILLED = (
    "/api/v1/namespaces",
    "/api/v1/services",
    "/api/v1/serviceaccounts",
    "/api/v1/configmaps",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
)


async def filling(daemon: Any) -> set[tuple[str, str, str]]:
    found = set()
    async with daemon.session() as session:
        for path in FILLED:
            async with session.get(path) as response:
                for item in (await response.json())["items"]:
                    metadata = item["metadata"]
                    found.add((path, metadata.get("namespace", ""), metadata["name"]))
    return found


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
async def test_a_filling_that_is_killed_again_and_again_is_whole_in_the_end(
    undisturbed: Any, daemon_of: Any, tmp_path: Path, kills: int
) -> None:
    daemon = daemon_of(tmp_path / "state", "ambient")
    for _ in range(kills):
        process = daemon.launch()
        await asyncio.sleep(random.uniform(0.2, 1.0) * undisturbed.took)
        process.kill()
        process.wait()

    daemon.start()

    assert await filling(daemon) == await filling(undisturbed)
    assert "Traceback" not in daemon.said()
