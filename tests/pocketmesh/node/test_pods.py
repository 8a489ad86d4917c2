"""A pod's life as the API shows it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.node.images import Image
from pocketmesh.objects import condition, uid_of


async def test_a_pod_runs_and_is_ready(place):
    place.pod()
    await place.until_ready()
    pod = place.get()
    assert pod["status"]["phase"] == "Running"
    assert [entry["type"] for entry in pod["status"]["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert pod["status"]["podIPs"] == [{"ip": pod["status"]["podIP"]}]
    (row,) = pod["status"]["containerStatuses"]
    assert row["image"] == "docker.io/library/busybox:latest"
    assert row["containerID"].startswith("containerd://")
    assert (row["ready"], row["started"], row["restartCount"]) == (True, True, 0)


async def test_describe_has_the_usual_events(place):
    place.pod()
    await place.until_ready()
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert len(place.messages(reason)) == 1


async def test_an_image_that_is_not_emulated_says_so_and_what_to_do(place):
    place.pod(image="redis:7")
    await place.until(lambda: place.state().get("waiting", {}).get("reason") == "ErrImagePull")
    message = place.state()["waiting"]["message"]
    assert "this cluster emulates a fixed set of images" in message
    assert "--provider kind" in message
    place.clock.advance(1.5)
    await place.until(lambda: place.state()["waiting"]["reason"] == "ImagePullBackOff")
    assert place.messages("BackOff") == ['Back-off pulling image "redis:7"']
    assert place.status()["phase"] == "Pending"


async def test_a_container_that_ends_is_restarted_and_then_backs_off(place):
    place.pod(command=["sh", "-c", "exit 3"])
    await place.until(lambda: place.state().get("waiting", {}).get("reason") == "CrashLoopBackOff")
    (row,) = place.status()["containerStatuses"]
    assert row["restartCount"] == 1
    assert row["lastState"]["terminated"]["exitCode"] == 3
    assert row["state"]["waiting"]["message"].startswith(
        "back-off 10s restarting failed container=main pod=a_default"
    )
    place.clock.advance(10.5)
    await place.until(lambda: place.status()["containerStatuses"][0]["restartCount"] == 2)
    await place.until(lambda: place.state().get("waiting", {}).get("message", "").startswith("back-off 20s"))


async def test_a_pod_that_is_never_restarted_ends_in_its_exit_code(place):
    place.pod("good", command=["true"], restartPolicy="Never")
    place.pod("bad", command=["false"], restartPolicy="Never")
    await place.until(lambda: place.status("good").get("phase") == "Succeeded")
    await place.until(lambda: place.status("bad").get("phase") == "Failed")
    assert condition(place.get("good"), "Ready")["reason"] == "PodCompleted"


@pytest.mark.parametrize(
    ("script", "policy", "message"),
    [
        pytest.param("echo why >/dev/termination-log; exit 1", "File", "why\n", id="a file"),
        pytest.param("echo why; exit 1", "File", None, id="a log is no message"),
        pytest.param("echo why; exit 1", "FallbackToLogsOnError", "why\n", id="unless it is asked for"),
        pytest.param("echo why", "FallbackToLogsOnError", None, id="and the program failed"),
    ],
)
async def test_the_last_words_of_a_program_are_kept(place, script, policy, message):
    place.pod(command=["sh", "-c", script], terminationMessagePolicy=policy, restartPolicy="Never")
    await place.until(lambda: "terminated" in place.state())
    assert place.state()["terminated"].get("message") == message


async def test_a_program_that_does_not_exist_is_told_as_the_runtime_tells_it(place):
    place.pod(command=["frobnicate"])
    await place.until(lambda: place.messages("Failed"))
    assert 'exec: "frobnicate": executable file not found in $PATH' in place.messages("Failed")[0]
    await place.until(lambda: "terminated" in place.status()["containerStatuses"][0]["lastState"])
    assert place.status()["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 128


async def test_init_containers_run_one_after_the_other_before_the_rest(place, images):
    order = []

    def step(name):
        async def run(invocation):
            order.append(name)
            return 0

        return run

    images.append(Image("steps", {name: step(name) for name in ("one", "two")}))
    await place.reopen()
    steps = [{"name": name, "image": "steps", "command": [name]} for name in ("one", "two")]
    place.pod(initContainers=steps)
    await place.until_ready()
    assert order == ["one", "two"]
    assert condition(place.get(), "Initialized")["status"] == "True"


async def test_deleting_a_pod_stops_its_program_first(place, images):
    stopped = []

    async def wait(invocation):
        try:
            await __import__("asyncio").Event().wait()
        finally:
            stopped.append(invocation.container.name)

    images.append(Image("waiting", {"wait": wait}, entrypoint=("wait",)))
    await place.reopen()
    place.pod(image="waiting", command=None)
    await place.until_ready()
    place.client.delete("pods", "default", "a")
    await place.until(lambda: place.get() is None)
    assert stopped == ["main"]
    assert place.messages("Killing") == ["Stopping container main"]


async def test_a_pod_made_again_under_its_name_is_another_pod(place):
    before = uid_of(place.pod())
    await place.until_ready()
    place.client.delete("pods", "default", "a", grace=0)
    after = uid_of(place.pod())
    await place.until_ready()
    assert before not in place.network.addresses
    assert after in place.network.addresses


async def test_after_a_restart_of_the_process_programs_start_again(place):
    place.pod()
    await place.until_ready()
    address = place.status()["podIP"]
    await place.reopen()
    await place.until(
        lambda: place.node.worker("default", "a") and place.node.worker("default", "a").main[0].alive
    )
    await place.until(lambda: place.status()["containerStatuses"][0]["restartCount"] == 1)
    assert place.status()["podIP"] == address
    (row,) = place.status()["containerStatuses"]
    assert row["lastState"]["terminated"]["reason"] == "Unknown"


async def test_a_restored_snapshot_starts_what_it_brings_back(place):
    place.pod("a")
    await place.until_ready("a")
    place.store.snapshot("s")
    place.client.delete("pods", "default", "a", grace=0)
    place.pod("b")
    await place.until_ready("b")
    place.store.restore("s")
    await place.until(lambda: place.node.worker("default", "b") is None)
    await place.until(lambda: place.node.worker("default", "a") is not None)
    await place.until_ready("a")
    assert place.status("a")["containerStatuses"][0]["restartCount"] == 0


async def test_the_node_is_ready_and_renews_its_lease(place):
    place.pod()
    await place.until_ready()
    node = place.client.get("nodes", "", "pocketmesh-control-plane")
    assert condition(node, "Ready")["reason"] == "KubeletReady"
    assert place.client.get("leases.coordination.k8s.io", "kube-node-lease", "pocketmesh-control-plane")


class TestProbes:
    def served(self, status):
        from aiohttp import web

        from pocketmesh.node.commands.web import serve

        async def program(invocation):
            async def answer(request):
                return web.Response(status=status[0])

            await serve(invocation.container, 8080, answer)

        return Image("served", {"serve": program}, entrypoint=("serve",))

    probe: ClassVar = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10}

    async def test_a_pod_is_ready_when_its_probe_is_answered(self, place, images):
        status = [503]
        images.append(self.served(status))
        await place.reopen()
        place.pod(image="served", command=None, readinessProbe=self.probe)
        await place.until(lambda: place.state().get("running"))
        place.clock.advance(11)
        await place.until(lambda: place.messages("Unhealthy"))
        assert place.messages("Unhealthy") == [
            "Readiness probe failed: HTTP probe failed with statuscode: 503"
        ]
        status[0] = 200
        place.clock.advance(1)
        await place.until_ready()

    async def test_a_failing_liveness_probe_restarts_the_container(self, place, images):
        status = [200]
        images.append(self.served(status))
        await place.reopen()
        place.pod(image="served", command=None, livenessProbe={**self.probe, "failureThreshold": 1})
        await place.until_ready()
        status[0] = 500
        place.clock.advance(11)
        await place.until(lambda: place.status()["containerStatuses"][0]["restartCount"] == 1)
        assert place.messages("Killing") == ["Container main failed liveness probe, will be restarted"]
        assert place.status()["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137

    async def test_an_exec_probe_runs_in_the_container(self, place):
        place.pod(readinessProbe={"exec": {"command": ["sh", "-c", "test $HOSTNAME = a"]}})
        await place.until_ready()

    async def test_a_closed_port_is_not_ready(self, place):
        place.pod(readinessProbe={"tcpSocket": {"port": 1}, "periodSeconds": 1})
        await place.until(lambda: place.state().get("running"))
        place.clock.advance(2)
        await place.until(lambda: place.messages("Unhealthy"))
        assert "connect: connection refused" in place.messages("Unhealthy")[0]


class TestConfiguration:
    async def test_variables_come_from_the_pod_and_from_other_objects(self, place, run):
        place.client.create(
            "configmaps",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "c", "namespace": "default"},
                "data": {"k": "v"},
            },
        )
        place.pod(
            env=[
                {"name": "PLAIN", "value": "x"},
                {"name": "BOTH", "value": "$(PLAIN)-$$(PLAIN)"},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ]
        )
        await place.until_ready()
        code, out, _ = await run("sh", "-c", "echo $PLAIN $BOTH $NAME $IP $KEY")
        assert (code, out) == (0, f"x x-$(PLAIN) a {place.status()['podIP']} v\n")

    async def test_a_missing_config_map_holds_the_container_back(self, place):
        place.pod(env=[{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}])
        await place.until(
            lambda: place.state().get("waiting", {}).get("reason") == "CreateContainerConfigError"
        )
        assert place.state()["waiting"]["message"] == 'configmap "none" not found'

    async def test_the_service_account_is_mounted(self, place, run):
        place.pod()
        await place.until_ready()
        _, out, _ = await run("cat", "/var/run/secrets/kubernetes.io/serviceaccount/token")
        assert out == "TOKEN"


class TestLogs:
    async def read(self, place, **options):
        from pocketmesh.api.runtime import LogOptions

        lines = place.verbs.logs("default", "a", "", LogOptions(**options))
        return b"".join([line async for line in lines]).decode()

    async def test_what_the_program_wrote_is_read_back(self, place):
        place.pod(command=["sh", "-c", "echo one; echo two; echo three; sleep infinity"])
        await place.until_ready()
        worker = place.node.worker("default", "a")
        await place.until(lambda: len(worker.main[0].log.lines()) == 3)
        assert await self.read(place) == "one\ntwo\nthree\n"
        assert await self.read(place, tail_lines=1) == "three\n"
        assert await self.read(place, timestamps=True, limit_bytes=34) == "2026-01-31T12:00:00.000000000Z one"

    async def test_the_previous_run_is_kept(self, place):
        place.pod(command=["sh", "-c", "echo crashed; exit 1"])
        await place.until(lambda: place.state().get("waiting", {}).get("reason") == "CrashLoopBackOff")
        assert await self.read(place, previous=True) == "crashed\n"

    async def test_no_previous_run_is_an_error(self, place):
        place.pod()
        await place.until_ready()
        with pytest.raises(ApiError, match='previous terminated container "main" in pod "a" not found'):
            await self.read(place, previous=True)

    async def test_a_container_that_has_not_started_has_no_log(self, place):
        place.pod(image="redis")
        await place.until(lambda: place.state().get("waiting", {}).get("reason") == "ErrImagePull")
        with pytest.raises(ApiError, match="is waiting to start: trying and failing to pull image"):
            await self.read(place)


class TestOnItsWay:
    async def test_a_pod_that_has_just_started_and_is_not_ready(self, place, run):
        place.pod(readinessProbe={"exec": {"command": ["test", "-e", "/go"]}})
        await place.until(lambda: "running" in place.state())
        assert list(place.node.behind()) == ["kubelet: pod default/a"]
        await run("touch", "/go")

        def ready_a_second_later():
            place.clock.advance(1)  # once might be before the probe that found nothing has ended
            return place.status()["containerStatuses"][0]["ready"]

        await place.until(ready_a_second_later)
        assert list(place.node.behind()) == []

    async def test_a_pod_that_stays_unready_is_not(self, place):
        place.pod(readinessProbe={"tcpSocket": {"port": 1}})
        await place.until(lambda: "running" in place.state())
        place.clock.advance(3)
        assert list(place.node.behind()) == []

    async def test_a_pod_that_waits_before_it_is_started_again_is_not(self, place):
        place.pod(command=["false"])
        await place.until(lambda: place.state().get("waiting", {}).get("reason") == "CrashLoopBackOff")
        assert list(place.node.behind()) == []

    async def test_an_init_container_that_has_just_started(self, place):
        first = {"name": "first", "image": "busybox", "command": ["sleep", "infinity"]}
        place.pod(initContainers=[first])
        await place.until(lambda: place.messages("Started"))
        assert list(place.node.behind()) == ["kubelet: pod default/a"]

    async def test_a_pod_that_was_just_asked_to_end(self, place):
        place.pod(lifecycle={"preStop": {"sleep": {"seconds": 1000}}})
        await place.until_ready()
        place.client.delete("pods", "default", "a")
        await place.until(lambda: place.messages("Killing"))
        assert list(place.node.behind()) == ["kubelet: pod default/a"]
        place.clock.advance(3)
        assert list(place.node.behind()) == []
