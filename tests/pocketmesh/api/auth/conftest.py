"""A gate in front of the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketmesh.api import bootstrap
from pocketmesh.api.auth.certificates import Credentials, open_credentials
from pocketmesh.api.auth.gate import Gate
from pocketmesh.api.client import Client


@pytest.fixture
def credentials(tmp_path: Path, clock) -> Credentials:
    return open_credentials(tmp_path / "pki", clock)


@pytest.fixture
def gate(core, credentials: Credentials) -> Gate:
    bootstrap.create_missing(Client(core.registry, "bootstrap"))
    return Gate(credentials, core.registry)


@pytest.fixture
def account(core) -> str:
    """The name of a ServiceAccount in the namespace `shop`."""
    core.create("serviceaccounts", {"metadata": {"name": "robot", "namespace": "shop"}})
    return "robot"
