from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from labcheck.environments.kind import engine as engines
from labcheck.environments.kind.facts import gather
from labcheck.environments.kind.versions import versions
from labcheck.errors import EnvironmentTrouble

HOME = Path("/home/ada")


def test_a_docker_host_that_is_set_is_the_only_place() -> None:
    assert engines.endpoints({"DOCKER_HOST": "tcp://far:2375"}, HOME, 1000) == ["tcp://far:2375"]


def test_else_every_usual_socket_is_tried() -> None:
    found = engines.endpoints({"XDG_RUNTIME_DIR": "/run/user/7"}, HOME, 1000)
    assert found[0] == "unix:///var/run/docker.sock"
    assert "unix:///run/user/7/podman/podman.sock" in found
    assert "unix:///home/ada/.docker/run/docker.sock" in found


@pytest.mark.parametrize(
    ("version", "info", "expected"),
    [
        pytest.param(
            {
                "Version": "29.1.3",
                "ApiVersion": "1.52",
                "Os": "linux",
                "Arch": "arm64",
                "Components": [{"Name": "Engine"}, {"Name": "containerd"}],
            },
            {
                "MemTotal": 8 * 2**30,
                "NCPU": 4,
                "CgroupVersion": "2",
                "CPUShares": False,
                "SecurityOptions": ["name=rootless"],
                "MemoryLimit": True,
            },
            engines.Description(
                *("Docker", "29.1.3", "unix:///s", 8192, 4, "2"),
                rootless=True,
                platform="linux/arm64",
                lacks=("cpu",),
            ),
            id="rootless Docker",
        ),
        pytest.param(
            {"Version": "5.6.2", "Components": [{"Name": "Podman Engine"}]},
            {"MemTotal": 2**30, "NCPU": 2, "CgroupVersion": "v2", "HttpsProxy": "http://p:1"},
            engines.Description("Podman", "5.6.2", "unix:///s", 1024, 2, "v2", proxy="http://p:1"),
            id="Podman",
        ),
        pytest.param(
            {"Version": "28.0"},
            {"OperatingSystem": "Docker Desktop", "SecurityOptions": None},
            engines.Description("Docker", "28.0", "unix:///s", desktop=True),
            id="Docker Desktop",
        ),
    ],
)
def test_an_engine_is_known_by_what_it_says(
    version: dict[str, object], info: dict[str, object], expected: engines.Description
) -> None:
    assert engines.describe("unix:///s", version, info) == expected


def test_without_an_engine_it_is_said_what_was_tried(tmp_path: Path) -> None:
    pytest.importorskip("docker")
    with pytest.raises(EnvironmentTrouble, match="No container engine answers") as raised:
        engines.connect({"DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert "tcp://127.0.0.1:9" in raised.value.evidence
    assert "--provider kind" in raised.value.next_step


def test_a_real_engine_tells_what_preflight_asks(endpoint: str, image: str, tmp_path: Path) -> None:
    absent = "labcheck.invalid/nothing:1"
    facts = gather(versions(), [image, absent], tmp_path, {"DOCKER_HOST": endpoint, "PATH": "/nowhere"})
    assert facts.engine is not None
    assert facts.engine.name == "Docker"
    assert facts.engine.memory_mb > 0
    assert facts.engine.cpus > 0
    assert facts.images == {image: True, absent: False}
    assert facts.unreachable["labcheck.invalid"]
    assert facts.tools == {"kind": None, "kubectl": None, "istioctl": None}


def test_only_the_containers_of_the_cluster_are_removed(endpoint: str, image: str) -> None:
    import docker

    with (
        closing(docker.DockerClient(base_url=endpoint)) as client,
        engines.connect({"DOCKER_HOST": endpoint}) as engine,
    ):
        for name, cluster in (("one", "ours"), ("two", "ours"), ("three", "theirs")):
            client.api.create_container(image, ["/hello"], name=name, labels={engines.CLUSTER_LABEL: cluster})
        try:
            assert {it.name for it in engine.nodes("ours")} == {"one", "two"}
            engine.remove("ours")
            engine.remove("ours")
            assert engine.nodes("ours") == []
            assert [it.name for it in engine.nodes("theirs")] == ["three"]
        finally:
            engine.remove("theirs")
