"""Our policy against mixing channels says what upstream's says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.schema.cel.program import compiled
from pocketmesh.schema.crds import gateway_api_policies

PAGE = "data/crds/gateway-api-v1.5.1/gateway.networking.k8s.io_vap_safeupgrades.yaml"


def definition(group: str = "gateway.networking.k8s.io", **annotations: str) -> dict[str, Any]:
    named = {f"gateway.networking.k8s.io/{key}": value for key, value in annotations.items()}
    metadata = {"annotations": named} if named else {}
    return {"metadata": metadata, "spec": {"group": group}}


STATES = [
    definition(),
    definition("example.com"),
    definition(channel="standard"),
    definition(channel="experimental"),
    *(
        definition(channel="standard", **{"bundle-version": version})
        for version in ("v1.5.0", "v1.5.1-rc.1", "v1.4.9", "v1.10.0", "v0.6.0", "v2.0.0", "main")
    ),
]


@pytest.fixture(scope="module")
def upstream(shared: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((shared / PAGE).read_bytes()))


def test_all_but_the_expressions_is_upstreams(upstream):
    def without(document: dict[str, Any]) -> dict[str, Any]:
        validations = document["spec"].get("validations", [])
        return {**document, "spec": {**document["spec"], "validations": [v["message"] for v in validations]}}

    assert [*map(without, gateway_api_policies())] == [*map(without, upstream)]


@pytest.mark.parametrize("number", [0, 1])
def test_the_expressions_mean_the_same(upstream, number):
    ours = gateway_api_policies()[0]["spec"]["validations"][number]["expression"]
    theirs = upstream[0]["spec"]["validations"][number]["expression"]
    for new in STATES:
        for old in (None, *STATES):
            asked = {"object": new, "oldObject": old}
            assert compiled(ours).evaluate(asked) == compiled(theirs).evaluate(asked), asked
