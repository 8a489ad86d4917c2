from __future__ import annotations

import pytest

from pocketmesh.istio.mesh.mesh_config import ExtensionProvider, MeshConfig, mesh_config

EVERYTHING = """
accessLogFile: "/dev/stdout"  # a comment
accessLogEncoding: JSON
accessLogFormat: '{"path": "%PATH%"}'
enableTracing: true
outboundTrafficPolicy:
  mode: REGISTRY_ONLY
defaultConfig:
  discoveryAddress: istiod.istio-system.svc:15012
defaultProviders:
  metrics: [prometheus]
extensionProviders:
- name: ext-authz
  envoyExtAuthzHttp:
    service: ext-authz.foo.svc.cluster.local
    port: 8000
- prometheus: {}
  name: prometheus
"""


def test_the_settings_are_read_from_yaml() -> None:
    authorizer = {"service": "ext-authz.foo.svc.cluster.local", "port": 8000}

    assert mesh_config(EVERYTHING) == MeshConfig(
        access_log_file="/dev/stdout",
        access_log_format='{"path": "%PATH%"}',
        access_log_encoding="JSON",
        default_providers={"metrics": ["prometheus"]},
        providers={
            "ext-authz": ExtensionProvider("ext-authz", "envoyExtAuthzHttp", authorizer),
            "prometheus": ExtensionProvider("prometheus", "prometheus", {}),
        },
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "- list",
        "just text",
        "accessLogFile: ''",
        "extensionProviders: x\noutboundTrafficPolicy: y",
    ],
)
def test_what_is_no_configuration_leaves_the_defaults(text: str) -> None:
    assert mesh_config(text) == MeshConfig()
