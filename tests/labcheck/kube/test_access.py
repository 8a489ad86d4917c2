from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labcheck.kube.access import access
from labcheck.kube.errors import Unreachable


def config(user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def written(folder: Path, data: object) -> Path:
    path = folder / "kubeconfig"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_a_token_proves_who_we_are(tmp_path: Path) -> None:
    found = access(written(tmp_path, config({"token": "secret"})))
    assert (found.host, found.headers()) == ("https://127.0.0.1:6443", {"authorization": "Bearer secret"})


def test_what_is_plain_needs_no_client_library(tmp_path: Path) -> None:
    path = written(tmp_path, config({"token": "secret"}))
    code = (
        "import sys; from pathlib import Path; from labcheck.kube import connect;"
        f"connect(Path({str(path)!r})).close(); print('kubernetes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("user", "cluster", "headers"),
    [
        pytest.param(
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": sys.executable,
                    "args": [
                        "-c",
                        'print(\'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",'
                        ' "status": {"token": "made"}}\')',
                    ],
                    "interactiveMode": "Never",
                }
            },
            {},
            {"authorization": "Bearer made"},
            id="a command to log in with",
        ),
        pytest.param(
            {"username": "a", "password": "b"},
            {"insecure-skip-tls-verify": True},
            {"authorization": "Basic YTpi"},
            id="a password",
        ),
    ],
)
def test_everything_else_is_left_to_the_client_library(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], headers: dict[str, str]
) -> None:
    assert access(written(tmp_path, config(user, **cluster))).headers() == headers


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a: [", id="no YAML"),
        pytest.param("{}", id="nothing in it"),
        pytest.param(json.dumps(config({"token": "x"}) | {"current-context": "there"}), id="no such context"),
        pytest.param(
            json.dumps(config({"token": "x"}, **{"certificate-authority-data": "bm8="})), id="no certificate"
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(Unreachable, match=f"The kubeconfig {path} cannot be used"):
        access(path)
