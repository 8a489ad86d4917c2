from __future__ import annotations

import json

import pytest

from pocketmesh.cli import main


def test_gateway_api_is_printed_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway-api"]) == 0
    names = [json.loads(line)["metadata"]["name"] for line in capsys.readouterr().out.splitlines()]
    assert "gateways.gateway.networking.k8s.io" in names
    assert "safe-upgrades.gateway.networking.k8s.io" in names
