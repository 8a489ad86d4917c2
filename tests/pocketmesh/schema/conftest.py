"""The kinds that a server without any CustomResourceDefinition serves."""

from __future__ import annotations

import pytest
import yaml

from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.schema.prepare import Prepared, prepare


@pytest.fixture(scope="session")
def builtins() -> Kinds:
    return Kinds(builtin_kinds())


@pytest.fixture(scope="session")
def judge(builtins):
    """Prepares an object of a built-in kind, written as YAML."""

    def judge(manifest: str, old: str = "") -> Prepared:
        obj = yaml.safe_load(manifest)
        kind = builtins.of(obj["apiVersion"], obj["kind"])
        return prepare(kind, obj, prepare(kind, yaml.safe_load(old)).object if old else None)

    return judge
