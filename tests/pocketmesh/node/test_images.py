from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pocketmesh.node.catalogue import standard_images
from pocketmesh.node.images import Catalogue, Program, qualified, repository


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        pytest.param("busybox", "busybox", id="bare"),
        pytest.param("docker.io/library/busybox:1.36", "busybox", id="spelled out"),
        pytest.param("curlimages/curl", "curlimages/curl", id="user"),
        pytest.param("docker.io/curlimages/curl:8.16.0", "curlimages/curl", id="registry and tag"),
        pytest.param("curlimages/curl@sha256:0123", "curlimages/curl", id="digest"),
        pytest.param(
            "registry.istio.io/release/examples-helloworld-v1:1.0",
            "istio/examples-helloworld-v1",
            id="istio's",
        ),
        pytest.param("registry.istio.io/testing/ext-authz:latest", "istio/ext-authz", id="istio's tests"),
        pytest.param(
            "docker.io/istio/examples-helloworld-v1", "istio/examples-helloworld-v1", id="istio's old place"
        ),
        pytest.param("localhost:5000/own:1", "localhost:5000/own", id="a port is no tag"),
    ],
)
def test_one_name_for_every_spelling(reference, name):
    assert repository(reference) == name


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("a/b:1", "docker.io/a/b:1"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("a@sha256:1", "docker.io/library/a@sha256:1"),
    ],
)
def test_a_reference_as_the_runtime_reports_it(reference, full):
    assert qualified(reference) == full


def test_the_nearest_names_are_offered():
    catalogue = Catalogue(standard_images())
    assert catalogue.find("curl/curl") is None
    assert catalogue.nearest("curl/curl")[0] == "curlimages/curl"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(command, id=f"{image.name} {name}")
        for image in standard_images()
        for name, command in image.commands.items()
        if isinstance(command, Program)
    ],
)
def test_a_program_that_is_imported_late_is_there(program):
    assert callable(program.command)


def test_no_application_is_imported_before_it_runs():
    script = "import sys, pocketmesh.node.catalogue as c; c.standard_images(); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout

    assert "pocketmesh.node.apps" not in modules.split()


@pytest.mark.parametrize("name", [image.name for image in standard_images()])
def test_the_page_on_fidelity_names_an_image(name):
    page = Path(__file__).parents[3] / "site" / "fidelity.md"

    assert f"`{name}`" in page.read_text()
