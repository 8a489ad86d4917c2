"""Lifecycle hooks, and the order in which the containers of a pod end."""

from __future__ import annotations

import pytest

SERVER = {"name": "server", "image": "busybox", "command": ["sleep", "infinity"]}


def command(script: str) -> dict:
    return {"exec": {"command": ["sh", "-c", script]}}


class TestAfterTheStart:
    async def test_the_container_counts_as_running_when_the_hook_is_over(self, place, run):
        place.pod(lifecycle={"postStart": command("while [ ! -e /go ]; do sleep 0.01; done; echo hi >/did")})
        await place.until(lambda: place.messages("Started"))
        assert "running" not in place.state()
        await run("touch", "/go")
        await place.until_ready()
        assert (await run("cat", "/did"))[1] == "hi\n"

    @pytest.mark.parametrize(
        "hook",
        [
            pytest.param(command("echo secret; exit 1"), id="a command that fails"),
            pytest.param({"exec": {"command": ["frobnicate"]}}, id="a program that is not there"),
            pytest.param({"httpGet": {"port": 81}}, id="a port that nobody listens on"),
            pytest.param({"tcpSocket": {"port": 81}}, id="a kind that was never carried out"),
        ],
    )
    async def test_a_failure_ends_the_container_and_keeps_what_it_said(self, place, hook):
        place.pod(lifecycle={"postStart": hook})
        await place.until(lambda: place.state().get("waiting", {}).get("reason") == "CrashLoopBackOff")
        assert set(place.messages("FailedPostStartHook")) == {"PostStartHook failed"}
        assert set(place.messages("Killing")) == {"FailedPostStartHook"}
        assert place.status()["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137


class TestBeforeTheEnd:
    async def test_the_hook_runs_while_the_container_still_does(self, place, run):
        shared = {"volumes": [{"name": "out", "hostPath": {"path": "/out"}}]}
        mounts = [{"name": "out", "mountPath": "/out"}]
        place.pod(lifecycle={"preStop": command("hostname >/out/bye")}, volumeMounts=mounts, **shared)
        await place.until_ready()
        place.client.delete("pods", "default", "a")
        await place.until(lambda: place.get() is None)
        assert (place.node.machine.disk.at("/out/bye")).read_text() == "a\n"
        assert place.messages("Killing") == ["Stopping container main"]

    async def test_a_failure_is_told_and_ends_the_container(self, place):
        place.pod(lifecycle={"preStop": command("exit 1")})
        await place.until_ready()
        place.client.delete("pods", "default", "a")
        await place.until(lambda: place.get() is None)
        assert place.messages("FailedPreStopHook") == ["PreStopHook failed"]

    async def test_a_hook_that_takes_too_long_is_cut_off(self, place):
        place.pod(lifecycle={"preStop": {"sleep": {"seconds": 1000}}}, terminationGracePeriodSeconds=20)
        await place.until_ready()
        place.client.delete("pods", "default", "a")
        await place.until(lambda: place.messages("Killing"))
        place.clock.advance(19)
        place.runtime.wake()
        await place.runtime.settled()
        assert place.get() is not None
        place.clock.advance(3)
        await place.until(lambda: place.get() is None)

    async def test_without_grace_there_is_no_hook(self, place):
        place.pod(lifecycle={"preStop": command("exit 1")})
        await place.until_ready()
        place.client.delete("pods", "default", "a", grace=0)
        await place.until(lambda: place.get() is None)
        assert place.messages("FailedPreStopHook") == []


async def test_a_sidecar_ends_after_the_others(place):
    sidecar = {**SERVER, "name": "proxy", "restartPolicy": "Always"}
    place.pod(initContainers=[sidecar])
    await place.until_ready()
    place.client.delete("pods", "default", "a")
    await place.until(lambda: place.get() is None)
    assert place.messages("Killing") == ["Stopping container main", "Stopping container proxy"]
