"""Clusters from forks of one process, on the real embedded cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labcheck.authoring import residue
from labcheck.environments.embedded import Embedded
from labcheck.errors import EnvironmentTrouble
from labcheck.kube import Cluster, connect
from labcheck.lab.load import load
from labcheck.lab.variant import Variant, variant

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="this machine has no /proc")

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Embedded]:
    """A provider whose clusters are forks; those that still run are ended after the test."""
    with Embedded().many(tmp_path) as provider:
        yield provider
    for folder in tmp_path.glob("cluster-*"):
        provider.stop(folder)


@pytest.fixture
def made(make_lab: Callable[..., Path]) -> Variant:
    return variant(load(make_lab()), 1)


def forks(folder: Path) -> list[int]:
    return [it.pid for it in residue.processes(folder) if "forkserver" in it.command]


def uid(cluster: Cluster) -> str:
    """The uid that the cluster has drawn for its first namespace."""
    return str(cluster.connection.request("GET", f"{NAMESPACES}/kube-system")["metadata"]["uid"])


def names(cluster: Cluster) -> set[str]:
    return {it["metadata"]["name"] for it in cluster.connection.request("GET", NAMESPACES)["items"]}


def test_forks_share_neither_objects_nor_what_they_draw(
    many: Embedded, made: Variant, tmp_path: Path
) -> None:
    first, second = tmp_path / "cluster-1", tmp_path / "cluster-2"
    many.start(first, made)
    many.start(second, made)
    with connect(many.wait(first)) as one, connect(many.wait(second)) as two:
        one.connection.request("POST", NAMESPACES, body={"metadata": {"name": "only-here"}})
        assert "only-here" in names(one)
        assert "only-here" not in names(two)
        assert uid(one) != uid(two)
    assert (first / "pki" / "ca.crt").read_bytes() != (second / "pki" / "ca.crt").read_bytes()


def test_a_fork_is_found_and_ended_by_who_knows_its_folder_alone(
    many: Embedded, made: Variant, tmp_path: Path
) -> None:
    folder = tmp_path / "cluster-1"
    many.start(folder, made)
    many.wait(folder)
    assert len(forks(folder)) == 1
    assert Embedded().running(folder)
    Embedded().stop(folder)
    assert not many.running(folder)
    assert forks(folder) == []
    assert not (folder / "run").exists(), "it has ended as it should, not been killed"


def test_clusters_go_on_without_the_process_that_they_come_from(made: Variant, tmp_path: Path) -> None:
    folder = tmp_path / "cluster-1"
    with Embedded().many(tmp_path) as many:
        many.start(folder, made)
    try:
        with connect(many.wait(folder)) as cluster:
            assert "kube-system" in names(cluster)
        with pytest.raises(EnvironmentTrouble, match="cannot be started"):
            many.start(tmp_path / "cluster-2", made)
    finally:
        many.stop(folder)


def test_why_nothing_can_be_forked_is_said(made: Variant, tmp_path: Path) -> None:
    with Embedded((sys.executable, "-m", "no_such_program")).many(tmp_path) as many:
        for name in ("cluster-1", "cluster-2"):
            with pytest.raises(EnvironmentTrouble, match="No module named no_such_program"):
                many.start(tmp_path / name, made)
