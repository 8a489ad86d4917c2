"""Volumes: shared between containers, filled from objects, and following them."""

from __future__ import annotations

import asyncio

import pytest

from pocketmesh.api import bootstrap

SLEEP = ["sleep", "infinity"]


def mount(path: str, name: str = "data", **more: object) -> dict:
    return {"name": name, "mountPath": path, **more}


def other(*mounts: dict, name: str = "other") -> dict:
    return {"name": name, "image": "busybox", "command": SLEEP, "volumeMounts": list(mounts)}


@pytest.fixture
def config_map(place):
    """Makes or changes a ConfigMap `settings`."""

    def write(**data: str) -> None:
        metadata = {"name": "settings", "namespace": "default"}
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        known = place.client.get("configmaps", "default", "settings")
        (place.client.update if known else place.client.create)("configmaps", obj)

    return write


class TestAnEmptyDir:
    @pytest.fixture
    async def pod(self, place):
        place.pod(
            volumes=[{"name": "data", "emptyDir": {}}],
            volumeMounts=[mount("/data")],
            others=[other(mount("/shared", readOnly=True), mount("/logs", subPath="logs"))],
        )
        await place.until_ready()

    @pytest.mark.parametrize(
        ("first", "then", "told"),
        [
            pytest.param("echo hi >/data/f", "cat /shared/f", "hi\n", id="one writes, the other reads"),
            pytest.param("echo hi >/data/logs/f", "cat /logs/f", "hi\n", id="a subPath is a directory of it"),
            pytest.param(
                "mkdir /data/d; echo 1 >/data/d/f", "find /shared -type f", "/shared/d/f\n", id="tree"
            ),
            pytest.param("true", "ls /", "bin\ndev\netc\nhome\nlogs\nproc", id="it is among the directories"),
            pytest.param("echo x >/data/f; rm /data/f", "ls /shared", "logs\n", id="what is removed is gone"),
        ],
    )
    async def test_is_shared(self, pod, run, first, then, told):
        assert await run("sh", "-c", first) == (0, "", "")
        code, out, err = await run("sh", "-c", then, container="other")
        assert (code, out[: len(told)], err) == (0, told, "")

    async def test_is_written_only_where_it_may_be(self, pod, run):
        code, _, err = await run("sh", "-c", "echo x >/shared/f", container="other")
        assert (code, err) == (1, "sh: /shared/f: Read-only file system\n")

    async def test_is_seen_by_kubectl_cp(self, pod, run):
        await run("sh", "-c", "echo hi >/data/f")
        code, archive, _ = await run("tar", "cf", "-", "/shared/f", container="other")
        assert code == 0
        assert (await run("tar", "xf", "-", "-C", "/data/copy", stdin=archive.encode()))[0] == 0
        assert (await run("cat", "/data/copy/shared/f"))[1] == "hi\n"

    async def test_outlives_its_container_and_not_its_pod(self, place, run):
        script = "test -e /data/f || { touch /data/f; exit 1; }; sleep 1000"
        place.pod(
            command=["sh", "-c", script],
            volumes=[{"name": "data", "emptyDir": {}}],
            volumeMounts=[mount("/data")],
        )
        await place.until(
            lambda: [row["restartCount"] for row in place.status().get("containerStatuses", [])] == [1]
        )
        await place.until_ready()
        assert list(place.node.machine.disk.directory.rglob("f"))
        place.client.delete("pods", "default", "a", grace=0)
        await place.until(lambda: place.get() is None)
        await place.until(lambda: not list(place.node.machine.disk.directory.rglob("f")))


class TestAConfigMap:
    async def test_is_followed_while_the_pod_runs(self, place, run, config_map):
        config_map(color="blue", size="big")
        place.pod(
            volumes=[{"name": "data", "configMap": {"name": "settings"}}],
            volumeMounts=[mount("/etc/settings"), mount("/etc/fixed", subPath="color")],
        )
        await place.until_ready()
        assert await run("sh", "-c", "ls /etc/settings; cat /etc/fixed") == (0, "color\nsize\nblue", "")
        config_map(color="red", shape="round")
        await place.runtime.settled()
        shown = await run("sh", "-c", "cd /etc/settings; ls; cat color /etc/fixed")
        assert shown == (0, "color\nshape\nredblue", "")

    async def test_has_the_modes_and_paths_that_were_asked_for(self, place, run, config_map):
        config_map(a="1", b="2")
        items = [{"key": "a", "path": "deep/a", "mode": 0o400}, {"key": "b", "path": "b"}]
        source = {"name": "settings", "defaultMode": 0o640, "items": items}
        place.pod(volumes=[{"name": "data", "configMap": source}], volumeMounts=[mount("/c")])
        await place.until_ready()
        assert await run("stat", "-c", "%a %n", "/c/deep/a", "/c/b") == (0, "400 /c/deep/a\n640 /c/b\n", "")
        assert (await run("sh", "-c", "echo x >/c/b"))[0] == 1
        assert (
            await run(
                "tar", "xf", "-", "-C", "/c", stdin=(await run("tar", "cf", "-", "/etc/hosts"))[1].encode()
            )
        )[0] == 1

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            pytest.param({"name": "nope"}, 'configmap "nope" not found', id="no such object"),
            pytest.param(
                {"name": "settings", "items": [{"key": "k", "path": "k"}]},
                "configmap references non-existent config key: k",
                id="no such key",
            ),
        ],
    )
    async def test_that_is_missing_holds_the_pod_back(self, place, config_map, source, why):
        config_map(color="blue")
        place.pod(volumes=[{"name": "data", "configMap": source}], volumeMounts=[mount("/c")])
        await place.until(lambda: place.messages("FailedMount"))
        assert place.messages("FailedMount") == [f'MountVolume.SetUp failed for volume "data" : {why}']
        assert place.state() == {"waiting": {"reason": "ContainerCreating"}}

    async def test_that_appears_lets_the_pod_start(self, place, config_map):
        place.pod(volumes=[{"name": "data", "configMap": {"name": "settings"}}], volumeMounts=[mount("/c")])
        await place.until(lambda: place.messages("FailedMount"))
        config_map(color="blue")
        await place.until_ready()

    async def test_that_is_optional_may_be_missing_and_appear(self, place, run, config_map):
        source = {"name": "settings", "optional": True}
        place.pod(volumes=[{"name": "data", "configMap": source}], volumeMounts=[mount("/c")])
        await place.until_ready()
        assert await run("ls", "/c") == (0, "", "")
        config_map(color="blue")
        await place.runtime.settled()
        assert await run("cat", "/c/color") == (0, "blue", "")

    async def test_that_no_container_mounts_is_not_looked_for(self, place):
        place.pod(volumes=[{"name": "data", "configMap": {"name": "nope"}}])
        await place.until_ready()


class TestOtherSources:
    async def test_labels_are_followed(self, place, run):
        item = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
        place.pod(volumes=[{"name": "data", "downwardAPI": {"items": [item]}}], volumeMounts=[mount("/pod")])
        await place.until_ready()
        place.client.merge("pods", "default", "a", {"metadata": {"labels": {"tier": "web"}}})
        await place.runtime.settled()
        assert (await run("cat", "/pod/labels"))[1] == 'app="a"\ntier="web"'

    async def test_a_projection_joins_them(self, place, run, config_map):
        config_map(color="blue")
        secret = {"name": "key", "namespace": "default"}
        place.client.create(
            "secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": {"key": "c2VjcmV0"}}
        )
        sources = [
            {"configMap": {"name": "settings"}},
            {"secret": {"name": "key"}},
            {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
        ]
        place.pod(volumes=[{"name": "data", "projected": {"sources": sources}}], volumeMounts=[mount("/all")])
        await place.until_ready()
        assert await run("sh", "-c", "cd /all; cat color key token") == (0, "bluesecretTOKEN", "")

    async def test_a_token_is_renewed_before_it_ends(self, place, run):
        await place.close()
        place.open(token=lambda pod, audience, seconds: f"at {place.clock.time:%H:%M}")
        place.pod()
        await place.until_ready()
        where = "/var/run/secrets/kubernetes.io/serviceaccount/token"
        assert await run("cat", where) == (0, "at 12:00", "")
        place.clock.advance(3000)
        place.runtime.wake()
        async with asyncio.timeout(10):
            while await run("cat", where) != (0, "at 12:50", ""):
                await asyncio.sleep(0)

    async def test_a_path_of_the_node_is_shared_by_its_pods(self, place, run):
        volumes = [{"name": "data", "hostPath": {"path": "/srv/data", "type": "DirectoryOrCreate"}}]
        for name in ("a", "b"):
            place.pod(name, volumes=volumes, volumeMounts=[mount("/data")])
            await place.until_ready(name)
        await run("sh", "-c", "echo hi >/data/f")
        assert await run("cat", "/data/f", pod="b") == (0, "hi\n", "")

    async def test_a_path_that_must_be_there_holds_the_pod_back(self, place):
        volumes = [{"name": "data", "hostPath": {"path": "/srv/nope", "type": "Directory"}}]
        place.pod(volumes=volumes, volumeMounts=[mount("/data")])
        await place.until(lambda: place.messages("FailedMount"))
        (message,) = place.messages("FailedMount")
        assert message.endswith("hostPath type check failed: /srv/nope is not a directory")

    async def test_no_link_leads_out_of_the_nodes_disk(self, place, run):
        place.pod(volumes=[{"name": "data", "emptyDir": {}}], volumeMounts=[mount("/data")])
        await place.until_ready()
        for target in ("/etc/passwd", "../../../../../../../etc/passwd"):
            code, out, _ = await run("sh", "-c", f"ln -s {target} /data/x; cat /data/x")
            assert (code, out) == (1, "")


class TestAClaim:
    @pytest.fixture
    def claim(self, place):
        """Makes the claim `data` of the class that kind has."""
        bootstrap.apply(
            place.client, [each for each in bootstrap.objects() if each["kind"] == "StorageClass"]
        )
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        metadata = {"name": "data", "namespace": "default"}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        place.client.create("persistentvolumeclaims", claim)

    async def use(self, place):
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        place.pod(volumes=[volume], volumeMounts=[mount("/data")])
        await place.until_ready()

    async def test_keeps_its_data_from_pod_to_pod(self, place, run, claim):
        await self.use(place)
        await run("sh", "-c", "echo kept >/data/f")
        place.client.delete("pods", "default", "a", grace=0)
        await place.until(lambda: place.get() is None)
        await place.reopen()
        await self.use(place)
        assert (await run("cat", "/data/f"))[1] == "kept\n"

    async def test_has_the_data_of_a_snapshot_again(self, place, run, claim, tmp_path):
        await self.use(place)
        await run("sh", "-c", "echo first >/data/f")
        place.node.machine.disk.keep(tmp_path / "copy")
        await run("sh", "-c", "echo second >/data/f; touch /data/g")
        place.node.machine.disk.bring_back(tmp_path / "copy")
        assert await run("sh", "-c", "cd /data; ls; cat f") == (0, "f\nfirst\n", "")

    async def test_takes_its_data_with_it(self, place, run, claim):
        await self.use(place)
        await run("sh", "-c", "echo kept >/data/f")
        assert [path.read_text() for path in place.node.machine.disk.directory.rglob("f")] == ["kept\n"]
        place.client.delete("pods", "default", "a", grace=0)
        place.client.delete("persistentvolumeclaims", "default", "data")
        await place.until(lambda: not place.client.all("persistentvolumes"))
        assert list(place.node.machine.disk.directory.rglob("f")) == []

    async def test_is_told_of_as_kind_does(self, place, claim):
        await place.until(lambda: place.messages("WaitForFirstConsumer"))
        await self.use(place)
        (volume,) = place.client.all("persistentvolumes")
        assert place.messages("ProvisioningSucceeded") == [
            f"Successfully provisioned volume {volume['metadata']['name']}"
        ]
        assert place.messages("Provisioning") == [
            'External provisioner is provisioning volume for claim "default/data"'
        ]
