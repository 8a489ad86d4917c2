from __future__ import annotations

import orjson
import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.istio.istiod.leadership import Leadership
from pocketmesh.istio.settings import Settings

LEADER = "control-plane.alpha.kubernetes.io/leader"


@pytest.fixture
def pods() -> list[str]:
    return ["istiod-1"]


@pytest.fixture
def leadership(registry: Registry, client: Client, pods: list[str]) -> Leadership:
    return Leadership(client, registry.clock, Settings(), lambda: pods[0] if pods else None)


def holders(client: Client, leadership: Leadership) -> list[tuple[str, int]]:
    for name in leadership.elections:
        leadership.reconcile(name)
    found = client.get("configmaps", "istio-system", "istio-leader")
    lease = client.get("leases.coordination.k8s.io", "istio-system", "istio-gateway-deployment-default")
    if found is None or lease is None:
        return []
    record = orjson.loads(found["metadata"]["annotations"][LEADER])
    return [
        (record["holderIdentity"], record["leaderTransitions"]),
        (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]),
    ]


def test_a_running_istiod_leads(client: Client, leadership: Leadership) -> None:
    assert holders(client, leadership) == [("istiod-1", 0)] * 2


def test_another_takes_over(client: Client, leadership: Leadership, pods: list[str]) -> None:
    holders(client, leadership)
    pods[:] = ["istiod-2"]
    assert holders(client, leadership) == [("istiod-2", 1)] * 2


def test_nobody_leads_where_none_runs(client: Client, leadership: Leadership, pods: list[str]) -> None:
    pods.clear()
    assert holders(client, leadership) == []


def test_nonsense_in_the_record_is_replaced(client: Client, leadership: Leadership) -> None:
    holders(client, leadership)
    client.merge("configmaps", "istio-system", "istio-leader", {"metadata": {"annotations": {LEADER: "["}}})
    assert holders(client, leadership)[0] == ("istiod-1", 1)
