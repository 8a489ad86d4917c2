"""The index of kinds follows CustomResourceDefinitions as they come and go."""

from __future__ import annotations

import pytest

from pocketmesh.schema.kinds import Kinds, builtin_kinds


def crd(*versions: tuple[str, bool]):
    return {
        "metadata": {"name": "widgets.shop.io"},
        "spec": {
            "group": "shop.io",
            "scope": "Cluster",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": storage,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
                for name, storage in versions
            ],
        },
    }


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        (("", "v1", "pods"), "pods"),
        (("apps", "v1", "deployments"), "deployments.apps"),
        (("rbac.authorization.k8s.io", "v1", "roles"), "roles.rbac.authorization.k8s.io"),
    ],
)
def test_a_built_in_kind_is_found_by_its_url_and_by_its_name(builtins, path, resource):
    kind = builtins.find(*path)
    assert kind.resource == resource
    assert builtins.of(kind.api_version, kind.kind) is kind
    assert builtins.stored(resource) is kind


def test_every_built_in_kind_is_what_its_schema_says(builtins):
    for kind in builtins.all():
        assert {"group": kind.group, "version": kind.version, "kind": kind.kind} in kind.schema.gvk


def test_short_names_are_unique(builtins):
    names = {
        (name, kind.kind) for kind in builtins.all() for name in kind.short_names if kind.kind != "Event"
    }
    assert len({name for name, _ in names}) == len(names)


def test_a_definition_is_served_until_it_is_withdrawn():
    kinds = Kinds(builtin_kinds())
    before = kinds.generation
    kinds.serve(crd(("v1", True)))
    assert kinds.find("shop.io", "v1", "widgets").kind == "Widget"
    kinds.withdraw("widgets.shop.io")
    assert kinds.find("shop.io", "v1", "widgets") is None
    assert kinds.generation == before + 2


def test_the_preferred_version_comes_first_and_another_may_be_stored():
    kinds = Kinds([])
    kinds.serve(crd(("v1alpha1", False), ("v1beta2", True), ("v1", False), ("v2", False)))
    assert [kind.version for kind in kinds.versions("widgets.shop.io")] == ["v2", "v1", "v1beta2", "v1alpha1"]
    assert kinds.stored("widgets.shop.io").version == "v1beta2"


def test_an_unknown_resource_is_an_error():
    with pytest.raises(KeyError):
        Kinds([]).stored("widgets.shop.io")
