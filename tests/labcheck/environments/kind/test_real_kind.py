"""The real kind, as far as it goes without its image: what it makes of our configuration, what it says."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from labcheck.environments.kind.advice import advice
from labcheck.environments.kind.engine import CLUSTER_LABEL
from labcheck.environments.kind.plan import kind_config
from labcheck.environments.kind.versions import versions
from labcheck.environments.tools import look

ABSENT = "labcheck.invalid/node:1"


@pytest.fixture
def kind(real_kind: str) -> str:
    return real_kind


def run(kind: str, endpoint: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [kind, *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "DOCKER_HOST": endpoint, "KIND_EXPERIMENTAL_PROVIDER": "docker"},
    )


def create(kind: str, endpoint: str, folder: Path, config: dict[str, object]) -> str:
    """What a creation that cannot succeed says."""
    (folder / "kind.json").write_text(json.dumps(config))
    words = ("create", "cluster", "--config", str(folder / "kind.json"))
    done = run(kind, endpoint, *words, "--kubeconfig", str(folder / "kubeconfig"))
    assert done.returncode == 1
    assert not (folder / "kubeconfig").exists()
    return done.stderr


def test_it_tells_a_version_that_fits(kind: str) -> None:
    assert look(versions().tools["kind"], kind).fits


def test_our_configuration_is_valid_and_its_image_asked_for(kind: str, endpoint: str, tmp_path: Path) -> None:
    said = create(kind, endpoint, tmp_path, kind_config("labcheck-a", 3, ABSENT))
    assert f'failed to pull image "{ABSENT}"' in said
    assert "internet" in advice(said)


def test_a_field_that_kind_does_not_know_is_refused(kind: str, endpoint: str, tmp_path: Path) -> None:
    said = create(kind, endpoint, tmp_path, kind_config("labcheck-a", 1, ABSENT) | {"knots": 3})
    assert "field knots not found" in said


def test_without_an_engine_it_is_advised_to_start_one(kind: str, tmp_path: Path) -> None:
    said = create(kind, "unix:///nowhere", tmp_path, kind_config("labcheck-a", 1, ABSENT))
    assert advice(said).startswith("The container engine has gone away")


def test_a_cluster_is_known_by_the_label_that_we_look_for(kind: str, endpoint: str, image: str) -> None:
    import docker

    with closing(docker.DockerClient(base_url=endpoint)) as client:
        labels = {CLUSTER_LABEL: "labcheck-b", "io.x-k8s.kind.role": "control-plane"}
        client.api.create_container(image, ["/hello"], name="labcheck-b-control-plane", labels=labels)
    try:
        assert run(kind, endpoint, "get", "clusters").stdout == "labcheck-b\n"
    finally:
        removed = run(kind, endpoint, "delete", "cluster", "--name", "labcheck-b")
    assert 'Deleted nodes: ["labcheck-b-control-plane"]' in removed.stderr


def test_an_image_that_is_not_here_cannot_be_loaded(kind: str, endpoint: str) -> None:
    done = run(kind, endpoint, "load", "docker-image", ABSENT, "--name", "labcheck-c")
    assert done.returncode == 1
    assert f'ERROR: image: "{ABSENT}" not present locally' in done.stderr
