"""Which WebAssembly modules there are, and what Lua is told of a module's configuration."""

from __future__ import annotations

import pytest

from pocketmesh.istio.envoy.plugins import missing_modules, plugin_filters
from pocketmesh.istio.mesh.plugins import Plugin

BASIC_AUTH = "ghcr.io/istio-ecosystem/wasm-extensions/basic_auth"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        pytest.param(f"oci://{BASIC_AUTH}:1.12.0", True, id="any-tag"),
        pytest.param(f"oci://{BASIC_AUTH}@sha256:{'0' * 64}", True, id="a-digest"),
        pytest.param(BASIC_AUTH, True, id="no-scheme-is-an-image"),
        pytest.param(f"https://{BASIC_AUTH}", False, id="no-image"),
        pytest.param("file:///opt/filters/openid.wasm", False, id="a-file"),
        pytest.param("oci://localhost:5000/basic_auth", False, id="another-registry"),
    ],
)
def test_modules_of_the_catalogue_are_known_by_image(url: str, known: bool) -> None:
    assert (missing_modules([Plugin("p", "", url=url)]) == set()) is known


def test_a_missing_module_that_fails_open_leaves_no_filter() -> None:
    plugins = [
        Plugin("closed", "", url="oci://x/y"),
        Plugin("open", "", url="oci://x/y", fail_strategy="FAIL_OPEN"),
    ]
    assert [item["name"] for item in plugin_filters(plugins, "")] == ["closed"]


def test_configuration_cannot_become_code() -> None:
    rule = {"exact": '/"]] os.exit() --', "request_methods": ["GET"], "credentials": ["a:b"]}
    plugin = Plugin("p", "", url=BASIC_AUTH, config={"basic_auth_rules": [rule]})
    assert "os.exit" not in str(plugin_filters([plugin], ""))
