"""The kinds that our definitions describe, and upstream's definitions to hold them against."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.schema.crds import gateway_api_crds, istio_crds
from pocketmesh.schema.custom import kinds_of
from pocketmesh.schema.kind import Kind

ROOT = Path(__file__).parents[4]
FindKind = Callable[[str, str], Kind]


def _index(definitions: list[dict[str, Any]]) -> FindKind:
    kinds = {(kind.api_version, kind.kind): kind for crd in definitions for kind in kinds_of(crd)}
    return lambda api_version, kind: kinds[api_version, kind]


@pytest.fixture(scope="session")
def ours() -> list[dict[str, Any]]:
    return [*gateway_api_crds(), *istio_crds()]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Test data of upstream projects, which is no part of this repository."""
    folder = (ROOT / os.environ.get("LABCHECK_SHARED", "../shared")).resolve()
    if not (folder / "data/crds").is_dir():
        pytest.skip(f"no upstream data in {folder}; set LABCHECK_SHARED")
    return folder


@pytest.fixture(scope="session")
def upstream(shared: Path) -> list[dict[str, Any]]:
    pages = sorted((shared / "data/crds").rglob("*.yaml"))
    documents = [
        document for page in pages for document in yaml.load_all(page.read_bytes(), yaml.CSafeLoader)
    ]
    return [document for document in documents if document and document["kind"] == "CustomResourceDefinition"]


@pytest.fixture(scope="session")
def our_kind(ours: list[dict[str, Any]]) -> FindKind:
    return _index(ours)


@pytest.fixture(scope="session")
def upstream_kind(upstream: list[dict[str, Any]]) -> FindKind:
    return _index(upstream)
