"""What the lines of the notation stand for."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh import versions
from pocketmesh.schema.crds import gateway_api_crds, istio_crds
from pocketmesh.schema.crds.bundle import definitions
from pocketmesh.schema.crds.notation import NotationError, Types

PORT = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535}
MODE = {"type": "string", "enum": ["On", "Off"]}
NAMED = {
    "Port": "int32 1..65535 -- A port.",
    "Mode": "On | Off",
    "Entry": {"about": "An entry.", "fields": {"name!": "string 1..", "mode": "Mode = On"}},
}


@pytest.mark.parametrize(
    ("line", "schema"),
    [
        ("string", {"type": "string"}),
        ("string 1..253 /^a b$/", {"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^a b$"}),
        ("string ..9", {"type": "string", "maxLength": 9}),
        ("uint32", {"type": "integer", "minimum": 0, "maximum": 4294967295}),
        ("nullable boolean", {"type": "boolean", "nullable": True}),
        ("double 0..100", {"type": "number", "format": "double", "minimum": 0, "maximum": 100}),
        ("object", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        ("On | Off", {"type": "string", "enum": ["On", "Off"]}),
        ("301 | 302 = 302", {"type": "integer", "enum": [301, 302], "default": 302}),
        ("Mode = Off", {"type": "string", "enum": ["On", "Off"], "default": "Off"}),
        ('string = ""', {"type": "string", "default": ""}),
        ("Port", {**PORT, "description": "A port."}),
        ("Port -- Another.", {**PORT, "description": "Another."}),
        ("boolean -- On = off -- or so.", {"type": "boolean", "description": "On = off -- or so."}),
        ("list of string", {"type": "array", "items": {"type": "string"}}),
        (
            "list 1..4 set of string ..9",
            {
                "type": "array",
                "items": {"type": "string", "maxLength": 9},
                "minItems": 1,
                "maxItems": 4,
                "x-kubernetes-list-type": "set",
            },
        ),
        ("map ..4 of On | Off", {"type": "object", "additionalProperties": MODE, "maxProperties": 4}),
        ('list of Mode = ["On"]', {"type": "array", "items": MODE, "default": ["On"]}),
    ],
)
def test_a_line_stands_for_a_schema(line: str, schema: dict[str, Any]) -> None:
    assert Types(NAMED).expand(line) == schema


def test_a_list_by_key_is_a_map_of_its_entries() -> None:
    schema = Types(NAMED).expand("list by name of Entry")
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == ["name"]
    assert schema["items"]["required"] == ["name"]
    assert schema["items"]["description"] == "An entry."


def test_rules_add_to_those_of_the_named_type() -> None:
    types = Types({"Name": {"type": "string", "rules": {"m": "r"}}})
    schema = types.expand({"type": "Name", "rules": {"n": "s"}})
    assert schema["x-kubernetes-validations"] == [
        {"message": "m", "rule": "r"},
        {"message": "n", "rule": "s"},
    ]
    assert types.expand("Name")["x-kubernetes-validations"] == [{"message": "m", "rule": "r"}]


def test_fields_may_exclude_each_other() -> None:
    schema = Types({}).expand({"fields": {"a": "string", "b": "string"}, "at most one of": [["a", "b"]]})
    wanted = [{"required": ["a"]}, {"required": ["b"]}]
    assert schema["oneOf"] == [{"not": {"anyOf": wanted}}, *wanted]


@pytest.mark.parametrize("line", ["", "Unknown", "list of Unknown", "string 1..2 3"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(NotationError):
        Types(NAMED).expand(line)


def test_a_kind_becomes_a_definition() -> None:
    page = {
        "group": "example.com",
        "categories": ["all"],
        "kinds": {
            "Proxy": {
                "short": "px",
                "scope": "Cluster",
                "versions": {"v1": "stored", "v1beta1": "served"},
                "columns": {
                    "Mode": "wide .spec.mode -- The mode.",
                    "Age": "date .metadata.creationTimestamp",
                },
                "fields": {"spec!": "Entry", "status": "object"},
            }
        },
        "types": NAMED,
    }
    [crd] = definitions([page, {"labels": {"a": "b"}}])
    assert crd["metadata"] == {"name": "proxies.example.com", "annotations": {}, "labels": {"a": "b"}}
    assert crd["spec"]["names"]["shortNames"] == ["px"]
    assert [(version["name"], version["storage"]) for version in crd["spec"]["versions"]] == [
        ("v1", True),
        ("v1beta1", False),
    ]
    assert crd["spec"]["versions"][0]["subresources"] == {"status": {}}
    assert crd["spec"]["versions"][0]["additionalPrinterColumns"][0] == {
        "name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1, "description": "The mode.",
    }  # fmt: skip


def test_the_gateway_api_is_of_the_version_that_this_cluster_speaks_for() -> None:
    bundles = {
        crd["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"]
        for crd in gateway_api_crds()
    }
    assert bundles == {f"v{versions.GATEWAY_API}"}


def test_every_field_is_explained() -> None:
    def unexplained(schema: dict[str, Any], path: str) -> list[str]:
        missing = []
        for name, field in schema.get("properties", {}).items():
            missing += [] if field.get("description") else [f"{path}.{name}"]
            missing += unexplained(field, f"{path}.{name}")
        for child in (schema.get("items"), schema.get("additionalProperties")):
            missing += unexplained(child, path) if child else []
        return missing

    for crd in [*gateway_api_crds(), *istio_crds()]:
        assert not unexplained(
            crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], crd["spec"]["names"]["kind"]
        )
