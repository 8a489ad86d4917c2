"""A disk that is full, read-only or damaged: writes say so, reads go on, and all is well when the disk is."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
CHILD_PATIENCE = 20.0

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


class SmallDisk:
    """A file system in memory with room for a little."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    def mount(self, options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def free(self) -> None:
        self._ballast.unlink()

    def remount(self, mode: str) -> bool:
        command = ["mount", "-o", f"remount,{mode}", str(self.place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(daemon: Any) -> Iterator[SmallDisk]:
    """A small disk under the state of the daemon."""
    daemon.state.mkdir()
    small = SmallDisk(daemon.state)
    small.mount("size=4m,mode=0700")
    yield small
    daemon.kill()
    subprocess.run(["umount", str(daemon.state)], check=True)


async def write(session: aiohttp.ClientSession, name: str, size: int = 100) -> tuple[int, str, str]:
    """The code, reason and message of the answer to a create."""
    body = {"metadata": {"name": name}, "data": {"a": "x" * size}}
    async with session.post(CONFIGMAPS, json=body) as response:
        answer = await response.json()
        return response.status, answer.get("reason", ""), answer.get("message", "")


async def names(session: aiohttp.ClientSession, path: str = CONFIGMAPS) -> set[str]:
    async with session.get(path) as response:
        return {item["metadata"]["name"] for item in (await response.json())["items"]} - {"kube-root-ca.crt"}


@needs_mounts
async def test_a_full_disk_refuses_writes_and_nothing_else(daemon: Any, disk: SmallDisk) -> None:
    daemon.start()
    async with daemon.session() as session:
        kept = set()
        disk.fill()
        while (answer := await write(session, f"c{len(kept)}", 20_000))[0] == 201:
            kept.add(f"c{len(kept)}")
        code, reason, message = answer
        assert (code, reason) == (500, "InternalError")
        assert "full" in message or "No space left" in message
        assert await names(session) == kept

        disk.free()
        assert (await write(session, "after", 20_000))[0] == 201
        assert await names(session) == kept | {"after"}
    daemon.kill()

    daemon.start()
    async with daemon.session() as session:
        assert await names(session) == kept | {"after"}
    assert "Traceback" not in daemon.said()


@needs_mounts
async def test_controllers_go_on_when_there_is_space_again(daemon: Any, disk: SmallDisk) -> None:
    daemon.start()
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    async with daemon.session() as session:
        made = await session.post(
            "/apis/apps/v1/namespaces/default/deployments", json={"metadata": {"name": "web"}, "spec": spec}
        )
        disk.fill()
        await write(session, "one-more", 200_000)
        assert made.status == 201
        disk.free()

        async with asyncio.timeout(CHILD_PATIENCE):
            while len(await names(session, "/api/v1/namespaces/default/pods")) < 3:
                await asyncio.sleep(0.02)
    assert "Traceback" not in daemon.said()


async def test_a_disk_that_fails_refuses_writes_until_it_works_again(daemon: Any) -> None:
    daemon.start()
    async with daemon.session() as session:
        assert (await write(session, "before"))[0] == 201
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        code, reason, message = await write(session, "refused")
        assert (code, reason) == (500, "InternalError")
        assert "disk" in message
        assert await names(session) == {"before"}

        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert (await write(session, "after"))[0] == 201
    daemon.kill()

    daemon.start()
    async with daemon.session() as session:
        assert await names(session) == {"before", "after"}
    assert "Traceback" not in daemon.said()


@needs_mounts
def test_a_disk_that_is_read_only_is_said_at_the_start(daemon: Any, disk: SmallDisk) -> None:
    daemon.start()
    daemon.kill()
    assert disk.remount("ro")

    process = subprocess.run(daemon.command, capture_output=True, check=False, timeout=CHILD_PATIENCE)

    assert process.returncode == 1
    assert b"read-only" in process.stderr.lower()
    assert b"Traceback" not in process.stderr


@needs_mounts
@pytest.mark.parametrize("size", ["16k", "64k", "200k", "400k"])
def test_a_disk_too_small_for_a_cluster_is_said_at_the_start(daemon: Any, disk: SmallDisk, size: str) -> None:
    assert disk.remount(f"size={size}")

    process = daemon.launch()

    assert process.wait(CHILD_PATIENCE) == 1
    assert "pocketmesh: cannot serve" in daemon.said() or not daemon.said()
    assert "Traceback" not in daemon.said()


def test_a_state_that_is_a_file_is_said_at_the_start(daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "file"
    state.write_text("x")

    command = [*daemon.command[:-3], str(state)]
    process = subprocess.run(command, capture_output=True, check=False, timeout=CHILD_PATIENCE)

    assert process.returncode == 1
    assert b"pocketmesh: cannot serve" in process.stderr
    assert b"Traceback" not in process.stderr


@pytest.mark.parametrize("damage", ["no-database", "cut", "zeros"])
def test_a_damaged_state_is_said_at_the_start(daemon: Any, damage: str) -> None:
    daemon.start()
    daemon.stop()
    state = daemon.state / "state.sqlite"
    content = state.read_bytes()
    assert len(content) > 20_000
    for leftover in daemon.state.glob("state.sqlite-*"):
        leftover.unlink()
    match damage:
        case "no-database":
            state.write_bytes(b"hello" * 1000)
        case "cut":
            state.write_bytes(content[: len(content) // 2])
        case "zeros":
            state.write_bytes(content[:4096] + bytes(len(content) - 4096))

    process = daemon.launch()

    assert process.wait(CHILD_PATIENCE) == 1
    assert "pocketmesh: cannot serve" in daemon.said()
    assert "Traceback" not in daemon.said()


async def test_a_second_daemon_is_refused_and_the_first_goes_on(daemon: Any) -> None:
    daemon.start()
    async with daemon.session() as session:
        second = await asyncio.create_subprocess_exec(*daemon.command, stderr=subprocess.PIPE)
        _, said = await second.communicate()

        assert second.returncode == 1
        assert b"another process serves this state" in said
        assert (await write(session, "after"))[0] == 201
