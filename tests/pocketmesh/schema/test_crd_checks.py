"""What is said about a CustomResourceDefinition that nobody could use."""

# ruff: noqa: E501 - the server's words stay in one piece

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.objects import copied
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.schema.prepare import prepare

CRD = Kinds(builtin_kinds()).stored("customresourcedefinitions.apiextensions.k8s.io")
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
}
AT = "spec.validation.openAPIV3Schema"


def definition(document: Any = None, version: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    schema = SCHEMA if document is None else document
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": schema},
            **(version or {}),
        }
    ]
    whole = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "kind": "Gadget"},
        "versions": versions,
    }
    return copied({"metadata": {"name": "gadgets.example.com"}, "spec": {**whole, **spec}})


def said(wanted: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    return [str(error) for error in prepare(CRD, wanted, old).errors]


def of_spec(**schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": schema}}


def test_a_sound_definition_is_accepted():
    assert said(definition()) == []


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        pytest.param(
            definition(version={"schema": {}}),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
            id="no schema",
        ),
        pytest.param(
            definition(group="gadgets"),
            'spec.group: Invalid value: "gadgets": should be a domain with at least one dot',
            id="a group without dot",
        ),
        pytest.param(
            definition(group="apps.k8s.io"),
            'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
            id="a protected group",
        ),
        pytest.param(
            definition(scope="Global"),
            'spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"',
            id="an unknown scope",
        ),
        pytest.param(
            definition(names={"plural": "gadgets"}), "spec.names.kind: Required value", id="no kind"
        ),
        pytest.param(
            definition(names={"plural": "gadgets", "kind": "Gadget", "listKind": "Gadget"}),
            'spec.names.listKind: Invalid value: "Gadget": kind and listKind may not be the same',
            id="one kind for object and list",
        ),
        pytest.param(
            definition(version={"storage": False}),
            "must have exactly one version marked as storage version",
            id="no storage version",
        ),
        pytest.param(
            definition(
                version={
                    "additionalPrinterColumns": [{"name": "Size", "type": "int", "jsonPath": ".spec.size"}]
                }
            ),
            'spec.additionalPrinterColumns[0].type: Invalid value: "int": must be one of boolean,date,integer,number,string',
            id="a column's type",
        ),
        pytest.param(
            definition(
                version={
                    "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": "spec.size"}]
                }
            ),
            'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.size": must be a simple json path starting with .',
            id="a column's path",
        ),
        pytest.param(
            definition(
                version={
                    "subresources": {
                        "scale": {"specReplicasPath": ".size", "statusReplicasPath": ".status.size"}
                    }
                }
            ),
            'spec.subresources.scale.specReplicasPath: Invalid value: ".size": should be a json path under .spec',
            id="a scale outside the spec",
        ),
    ],
)
def test_a_definition_is_refused_for(wanted, complaint):
    assert any(complaint in line for line in said(wanted)), said(wanted)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param(
            {"properties": {}},
            f"{AT}.type: Required value: must not be empty at the root",
            id="no type at the root",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string"}},
            f'{AT}.type: Invalid value: "array": must be object at the root',
            id="a list at the root",
        ),
        pytest.param(
            of_spec(),
            f"{AT}.properties[spec].type: Required value: must not be empty for specified object fields",
            id="no type of a field",
        ),
        pytest.param(
            of_spec(type="array", items={}),
            f"{AT}.properties[spec].items.type: Required value: must not be empty for specified array items",
            id="no type of items",
        ),
        pytest.param(
            of_spec(type="array"),
            f"{AT}.properties[spec].items: Required value: must be specified",
            id="no items",
        ),
        pytest.param(
            of_spec(type="text"),
            f'{AT}.properties[spec].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
            id="an unknown type",
        ),
        pytest.param(
            of_spec(type="object", **{"x-kubernetes-preserve-unknown-fields": False}),
            f"{AT}.properties[spec].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
            id="unknown fields not to be kept",
        ),
        pytest.param(
            of_spec(**{"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-int-or-string": True}),
            "Invalid value: true: must be false if x-kubernetes-int-or-string is true",
            id="unknown fields of a number",
        ),
        pytest.param(
            of_spec(
                type="object", properties={"a": {"type": "string"}}, additionalProperties={"type": "string"}
            ),
            f"{AT}.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
            id="a struct that is a map",
        ),
        pytest.param(
            of_spec(type="string", anyOf=[{"type": "string"}, {"minLength": 1}]),
            f"{AT}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural",
            id="a type below anyOf",
        ),
        pytest.param(
            of_spec(type="object", oneOf=[{"properties": {"a": {"minLength": 1}}}]),
            f"{AT}.properties[spec].properties[a]: Required value: because it is defined in {AT}.properties[spec].oneOf[0].properties[a]",
            id="a field below oneOf only",
        ),
        pytest.param(
            of_spec(type="array", uniqueItems=True, items={"type": "string"}),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
            id="unique items",
        ),
        pytest.param(
            of_spec(type="object", **{"x-kubernetes-list-type": "set"}),
            f'{AT}.properties[spec].type: Invalid value: "object": must be array if x-kubernetes-list-type is specified',
            id="a set that is no list",
        ),
        pytest.param(
            of_spec(
                type="array",
                items={"type": "object", "properties": {"name": {"type": "string"}}},
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
            f"{AT}.properties[spec].items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            id="an optional key",
        ),
        pytest.param(
            of_spec(type="integer", default="three"),
            f'{AT}.properties[spec].default: Invalid value: "string": {AT}.properties[spec].default in body must be of type integer: "string"',
            id="a default of another type",
        ),
        pytest.param(
            of_spec(type="string", enum=["a", "b"], default="c"),
            f'{AT}.properties[spec].default: Unsupported value: "c": supported values: "a", "b"',
            id="a default that is not allowed",
        ),
        pytest.param(
            of_spec(type="string", pattern="(a"),
            "must be a valid regular expression, but isn't: error parsing regexp",
            id="a broken pattern",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
            },
            f"{AT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
            id="restricted labels",
        ),
    ],
)
def test_a_schema_is_refused_for(document, complaint):
    assert any(complaint in line for line in said(definition(document))), said(definition(document))


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"rule": " "}, "rule: Required value: rule is not specified"),
        (
            {"rule": "self.siez > 1"},
            "compilation failed: ERROR: <input>:1:5: undefined field 'siez'\n | self.siez > 1\n | ....^",
        ),
        (
            {"rule": "has(self.siez)"},
            "compilation failed: ERROR: <input>:1:4: undefined field 'siez'\n | has(self.siez)\n | ...^",
        ),
        (
            {"rule": "this.size > 1"},
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'this' (in container '')",
        ),
        ({"rule": "self.size >"}, "compilation failed: ERROR: <input>:1:12: Syntax error"),
        ({"rule": "self.size > 1", "messageExpression": "self.name"}, "messageExpression: Invalid value"),
        ({"rule": "self.size > 1", "message": "a\nb"}, "message must not contain line breaks"),
    ],
)
def test_a_rule_is_refused_for(rule, complaint):
    document = of_spec(
        type="object", properties={"size": {"type": "integer"}}, **{"x-kubernetes-validations": [rule]}
    )
    (line,) = said(definition(document))
    assert line.startswith(f"{AT}.properties[spec].x-kubernetes-validations[0].")
    assert complaint in line


def test_schemas_that_differ_are_named_by_their_version():
    wanted = definition(of_spec())
    other = {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": SCHEMA}}
    wanted["spec"]["versions"].append(other)
    assert said(wanted) == [
        "spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields"
    ]


@pytest.mark.parametrize("field", ["group", "scope"])
def test_what_storage_depends_on_stays(field):
    old = definition()
    changed = definition(**{field: {"group": "example.org", "scope": "Cluster"}[field]})
    assert any(f"spec.{field}: Invalid value" in line and "immutable" in line for line in said(changed, old))
