from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.remote.errors import Failed
from pocketmesh.remote.kubeconfig import Access, places, read


def config(name: str, **user: Any) -> dict[str, Any]:
    return {
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}/", "certificate-authority": "ca.pem"}}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "shop"}}],
        "current-context": name,
    }


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "ca.pem").write_text("CA")
    certificate = {
        key: b64encode(key.encode()).decode() for key in ("client-certificate-data", "client-key-data")
    }
    (tmp_path / "one").write_text(yaml.safe_dump(config("one", **certificate)))
    (tmp_path / "two").write_text(yaml.safe_dump(config("two", token="secret")))
    (tmp_path / "run").write_text(yaml.safe_dump(config("run", exec={"command": "login"})))
    return [tmp_path / "missing", tmp_path / "one", tmp_path / "two", tmp_path / "run"]


def test_the_first_file_says_which_context_is_current(files: list[Path]) -> None:
    assert read(files) == Access(
        "https://one", "shop", "CA", certificate="client-certificate-data", key="client-key-data"
    )


def test_another_context_may_be_chosen(files: list[Path]) -> None:
    assert read(files, "two") == Access("https://two", "shop", "CA", token="secret")


@pytest.mark.parametrize(
    ("context", "words"),
    [("run", "gets its credentials from a program"), ("nowhere", 'context "nowhere" does not exist')],
)
def test_what_cannot_be_used_is_refused(files: list[Path], context: str, words: str) -> None:
    with pytest.raises(Failed, match=words):
        read(files, context)


def test_without_a_kubeconfig_there_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no cluster to talk to"):
        read([tmp_path / "missing"])


def test_files_are_those_that_are_named(tmp_path: Path) -> None:
    variables = {"KUBECONFIG": os.pathsep.join(("a", "b"))}
    assert places(None, variables) == [Path("a"), Path("b")]
    assert places("c", variables) == [Path("c")]
