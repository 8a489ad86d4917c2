from __future__ import annotations

import json

import pytest

from pocketmesh.cli import main


def test_gateway_api_is_printed_as_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway-api"]) == 0
    printed = json.loads(capsys.readouterr().out)
    names = [it["metadata"]["name"] for it in printed["items"]]
    assert (printed["kind"], "gateways.gateway.networking.k8s.io" in names) == ("List", True)
    assert "safe-upgrades.gateway.networking.k8s.io" in names
