from __future__ import annotations

from typing import Any

import pytest

from labcheck.kube.kinds import Kind
from labcheck.kube.manifests import blamed, fields_at


@pytest.mark.parametrize(
    ("message", "place"),
    [
        pytest.param(
            'strict decoding error: unknown field "spec.foo"', ("spec", "foo"), id="strict decoding"
        ),
        pytest.param('unknown field "spec.ports[0].prt"', ("spec", "ports", 0, "prt"), id="in a list"),
        pytest.param(
            "failed to create typed patch object (red/x; apps/v1, Kind=Deployment): "
            ".spec.replcas: field not declared in schema",
            ("spec", "replcas"),
            id="server-side apply",
        ),
        pytest.param(
            'Service "x" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535',
            ("spec", "ports", 0, "port"),
            id="invalid value",
        ),
        pytest.param(
            'Service "x" is invalid: [spec.a: Required value, spec.b: Required value]',
            ("spec", "a"),
            id="several",
        ),
        pytest.param('namespaces "red" not found', None, id="no field"),
    ],
)
def test_the_field_that_the_server_blames(message: str, place: tuple[Any, ...] | None) -> None:
    assert blamed(message) == place


DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", "deployment", (), True)
SCHEMAS: dict[str, Any] = {
    "a.Deployment": {
        "x-kubernetes-group-version-kind": [{"group": "apps", "version": "v1", "kind": "Deployment"}],
        "properties": {"spec": {"allOf": [{"$ref": "#/components/schemas/a.Spec"}], "default": {}}},
    },
    "a.Spec": {
        "properties": {
            "replicas": {},
            "ports": {"items": {"$ref": "#/components/schemas/a.Port"}},
        }
    },
    "a.Port": {"properties": {"port": {}, "name": {}}},
}


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ((), ["spec"]),
        (("spec",), ["ports", "replicas"]),
        (("spec", "ports", 0), ["name", "port"]),
        (("spec", "nowhere"), []),
    ],
)
def test_the_fields_that_a_schema_has_at_a_place(place: tuple[Any, ...], fields: list[str]) -> None:
    assert fields_at(SCHEMAS, DEPLOYMENT, place) == fields
