"""Custom resources are pruned, defaulted and judged by their schemas, in kube-apiserver's words."""

# ruff: noqa: E501 - the server's words stay in one piece

from __future__ import annotations

import pytest

from pocketmesh.schema.errors import Undecodable
from pocketmesh.schema.kinds import Kinds
from pocketmesh.schema.prepare import prepare

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 5},
        "mode": {"type": "string", "enum": ["Fast", "Slow"], "default": "Fast"},
        "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
        "port": {"x-kubernetes-int-or-string": True},
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "x-kubernetes-list-type": "set",
            "maxItems": 3,
        },
        "rules": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
            },
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "note": {"type": "string", "nullable": True},
        "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "either": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
    },
    "x-kubernetes-validations": [{"rule": "self.size < 5 || has(self.name)", "message": "five needs a name"}],
}
CRD = {
    "metadata": {"name": "widgets.shop.io"},
    "spec": {
        "group": "shop.io",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"], "categories": ["all"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Tags", "type": "string", "jsonPath": ".spec.tags", "priority": 1},
                ],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def kind():
    kinds = Kinds([])
    kinds.serve(CRD)
    return kinds.find("shop.io", "v1", "widgets")


@pytest.fixture
def judge(kind):
    def judge(spec, *, old=None, metadata=None):
        def whole(part):
            return {
                "apiVersion": "shop.io/v1",
                "kind": "Widget",
                "metadata": {"name": "w", **(metadata or {})},
                "spec": part,
            }

        return prepare(kind, whole(spec), None if old is None else whole(old))

    return judge


def test_unknown_fields_go_and_are_named(judge):
    prepared = judge({"size": 1, "sise": 2, "rules": [{"name": "a", "x": 1}]}, metadata={"nick": "w"})
    assert prepared.unknown == ["metadata.nick", "spec.rules[0].x", "spec.sise"]
    assert set(prepared.object["spec"]) == {"size", "rules", "mode"}


def test_fields_below_preserve_unknown_stay(judge):
    assert judge({"size": 1, "raw": {"any": {"thing": 1}}}).object["spec"]["raw"] == {"any": {"thing": 1}}


def test_defaults_are_filled_in_everywhere(judge):
    spec = judge({"size": 1, "rules": [{"name": "a"}]}).object["spec"]
    assert (spec["mode"], spec["rules"]) == ("Fast", [{"name": "a", "weight": 1}])


@pytest.mark.parametrize(
    ("field", "left"),
    [("mode", "Fast"), ("note", None), ("name", "absent")],
    ids=["with a default", "nullable", "neither"],
)
def test_a_null_gives_way_unless_it_is_allowed(judge, field, left):
    assert judge({"size": 1, field: None}).object["spec"].get(field, "absent") == left


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({}, "spec.size: Required value"),
        (
            {"size": "three"},
            'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
        ),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 9}, "spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5"),
        (
            {"size": 1, "mode": "Warp"},
            'spec.mode: Unsupported value: "Warp": supported values: "Fast", "Slow"',
        ),
        (
            {"size": 1, "name": "a"},
            'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long',
        ),
        ({"size": 1, "name": "abcde"}, "spec.name: Too long: may not be more than 4 bytes"),
        (
            {"size": 1, "name": "a1"},
            "spec.name: Invalid value: \"a1\": spec.name in body should match '^[a-z]+$'",
        ),
        (
            {"size": 1, "name": "ab\n"},
            "spec.name: Invalid value: \"ab\\n\": spec.name in body should match '^[a-z]+$'",
        ),
        (
            {"size": 1, "port": 1.5},
            'spec.port: Invalid value: "number": spec.port in body must be of type integer,string: "number"',
        ),
        (
            {"size": 1, "rules": [{}]},
            "spec.rules[0].name: Required value",
        ),
        ({"size": 1, "tags": ["a", "b", "a"]}, 'spec.tags[2]: Duplicate value: "a"'),
        ({"size": 1, "tags": ["a", "b", "c", "d"]}, "spec.tags: Too many: 4: must have at most 3 items"),
        (
            {"size": 1, "rules": [{"name": "a"}, {"name": "a"}]},
            'spec.rules[1]: Duplicate value: {"name":"a"}',
        ),
        (
            {"size": 1, "labels": {"a": 1}},
            'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
        ),
        (
            {"size": 1, "either": {}},
            '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found none valid',
        ),
        ({"size": 5}, "spec: Invalid value: five needs a name"),
    ],
)
def test_what_is_wrong_is_told_as_upstream_does(judge, spec, line):
    assert line in [str(error) for error in judge(spec).errors]


def test_rules_are_not_asked_about_an_object_that_is_invalid_anyway(judge):
    assert [str(error) for error in judge({"size": 5, "mode": "Warp"}).errors] == [
        'spec.mode: Unsupported value: "Warp": supported values: "Fast", "Slow"',
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
        "correct the existing errors to complete validation",
    ]


def test_what_was_wrong_already_may_stay(judge):
    wrong = {"size": 1, "mode": "Warp", "rules": [{"name": "a", "weight": "x"}, {"name": "b"}]}
    changed = {"size": 2, "mode": "Warp", "rules": [{"name": "b", "weight": 2}, {"name": "a", "weight": "x"}]}
    assert judge(changed, old=wrong).errors == []


def test_metadata_of_the_wrong_type_makes_the_body_unreadable(judge):
    with pytest.raises(Undecodable) as refusal:
        judge({"size": 1}, metadata={"labels": {"a": 1}})
    assert str(refusal.value) == (
        'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct '
        "field ObjectMeta.metadata.labels of type string"
    )


def test_a_definition_becomes_a_kind(kind):
    assert (kind.resource, kind.api_version, kind.list_kind) == (
        "widgets.shop.io",
        "shop.io/v1",
        "WidgetList",
    )
    assert (kind.short_names, kind.categories, kind.subresources) == (("wd",), ("all",), {"status"})
    assert kind.crd
    assert kind.storage


def test_columns_show_what_their_paths_lead_to(kind):
    obj = {"metadata": {"name": "w"}, "spec": {"size": 3, "tags": ["a", "b"]}}
    assert [column.cell(obj, None) for column in kind.columns] == ["w", 3, '["a","b"]']
    assert [column.cell({"metadata": {"name": "w"}}, None) for column in kind.columns] == ["w", None, None]
