"""What a new cluster is filled with is not judged when it is written, so it is judged here."""

from __future__ import annotations

import pytest

from pocketmesh.api import bootstrap
from pocketmesh.istio import install
from pocketmesh.objects import Object, copied, name_of
from pocketmesh.schema.builtin.table import builtin_kinds
from pocketmesh.schema.crds import gateway_api_crds, gateway_api_policies
from pocketmesh.schema.kinds import Kinds
from pocketmesh.schema.prepare import prepare

OBJECTS = [*bootstrap.objects(), *gateway_api_crds(), *gateway_api_policies(), *install.objects()]


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    return Kinds(builtin_kinds())


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: f"{obj['kind']} {name_of(obj)}")
def test_nothing_is_wrong_with_it(obj: Object, kinds: Kinds) -> None:
    kind = kinds.of(obj["apiVersion"], obj["kind"])
    assert kind is not None
    prepared = prepare(kind, copied(obj))
    assert (prepared.errors, prepared.unknown) == ([], [])
