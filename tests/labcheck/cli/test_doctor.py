from __future__ import annotations

import pytest

from labcheck.cli.doctor import kubectl_version


@pytest.mark.parametrize(
    ("told", "version"),
    [
        pytest.param(
            'Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.2", GitCommit:"f"}\n',
            "v1.20.2",
            id="a Go struct",
        ),
        pytest.param("Client Version: v1.36.4\nKustomize Version: v5.5.0\n", "v1.36.4", id="a line"),
        pytest.param("something else\n", "something else", id="neither"),
    ],
)
def test_the_version_of_kubectl_is_read_from_what_it_prints(told: str, version: str) -> None:
    assert kubectl_version(told) == version
