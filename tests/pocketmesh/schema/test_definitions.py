"""The kubernetes-validate package still is what its adapter was written for."""

from __future__ import annotations

import pytest

from pocketmesh.schema.builtin.definitions import Definitions, UnexpectedLayout, definition, definitions

DEPLOYMENT = "io.k8s.api.apps.v1.Deployment"


def test_every_definition_can_be_parsed():
    names = definitions().names()
    assert len(names) > 700
    assert all(isinstance(definitions().document(name), dict) for name in names)


def test_a_definition_knows_its_kind_and_its_fields():
    schema = definition(DEPLOYMENT)
    assert schema.gvk == ({"group": "apps", "kind": "Deployment", "version": "v1"},)
    assert list(schema.properties) == ["apiVersion", "kind", "metadata", "spec", "status"]


def test_lists_keep_what_patches_need_to_know():
    containers = definition("io.k8s.api.core.v1.PodSpec").properties["containers"]
    assert (containers.list_type, containers.list_map_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.patch_merge_key) == (("merge",), "name")


def test_a_patch_strategy_beside_a_reference_is_kept():
    strategy = definition("io.k8s.api.apps.v1.DeploymentSpec").properties["strategy"]
    assert (strategy.patch_strategy, strategy.struct) == (("retainKeys",), "DeploymentStrategy")


@pytest.mark.parametrize(
    ("owner", "field", "format_"),
    [
        ("Probe", None, ""),
        ("ServicePort", "targetPort", "int-or-string"),
        ("LimitRangeItem", "max", "quantity"),
    ],
)
def test_values_of_two_types_are_recognised(owner, field, format_):
    schema = definition(f"io.k8s.api.core.v1.{owner}")
    if field is None:
        assert not schema.int_or_string
        return
    value = schema.properties[field]
    value = value.additional or value
    assert (value.int_or_string, value.format) == (True, format_)


def test_a_schema_may_contain_itself():
    schema = definition("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    nested = schema.properties["properties"].additional
    assert nested is not None
    assert nested is schema


def test_another_layout_is_told():
    with pytest.raises(UnexpectedLayout, match=r"io\.k8s\.Odd"):
        Definitions(b'{\n  "$defs": {\n    "io.k8s.Odd": {\n      "type": oops\n    }\n  }\n}').document(
            "io.k8s.Odd"
        )
