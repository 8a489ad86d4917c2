from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.destination_rules import DestinationRule, destination_rules, rule_for

Object = dict[str, Any]
HOST = "web.shop.svc.cluster.local"
RANDOM: Object = {"loadBalancer": {"simple": "RANDOM"}}
POOL: Object = {"connectionPool": {"tcp": {"maxConnections": 1}}}
OUTLIERS: Object = {"outlierDetection": {"consecutive5xxErrors": 1}}


def rule(name: str = "rule", namespace: str = "shop", host: str = "web", **spec: Any) -> Object:
    meta = {"name": name, "namespace": namespace, "creationTimestamp": spec.pop("created", "2026-01-01")}
    return {"kind": "DestinationRule", "metadata": meta, "spec": {"host": host, **spec}}


def read(**spec: Any) -> DestinationRule:
    [found] = destination_rules([rule(**spec)])
    return found


def subset(name: str, policy: Object | None = None) -> Object:
    return {"name": name, "labels": {"version": name}, **({"trafficPolicy": policy} if policy else {})}


def port_80(policy: Object) -> Object:
    return {"portLevelSettings": [{"port": {"number": 80}, **policy}]}


@pytest.mark.parametrize(
    ("policy", "of_subset", "balancer", "pool"),
    [
        pytest.param({}, None, {}, {}, id="nothing said"),
        pytest.param({**RANDOM, **POOL}, None, {"simple": "RANDOM"}, POOL, id="the host's"),
        pytest.param(
            POOL, RANDOM, {"simple": "RANDOM"}, POOL, id="a subset's part stands beside the host's others"
        ),
        pytest.param(
            {"loadBalancer": {"simple": "ROUND_ROBIN"}},
            RANDOM,
            {"simple": "RANDOM"},
            {},
            id="a subset's part replaces the host's",
        ),
        pytest.param(
            {**POOL, **port_80(RANDOM)}, None, {"simple": "RANDOM"}, {}, id="a port's inherits nothing"
        ),
        pytest.param(
            {**POOL, **RANDOM}, port_80({}), {}, {}, id="nor does a port's of a subset from the host's"
        ),
        pytest.param(
            {**RANDOM, **port_80(OUTLIERS)}, POOL, {}, POOL, id="a port's of the host, and a subset's"
        ),
    ],
)
def test_the_nearest_policy_counts(
    policy: Object, of_subset: Object | None, balancer: Object, pool: Object
) -> None:
    found = read(trafficPolicy=policy, subsets=[subset("v1", of_subset)])

    parts = found.traffic_policy(80, "v1")

    assert (parts.load_balancer, parts.connection_pool) == (balancer, pool.get("connectionPool", {}))


def test_another_ports_policy_is_the_general_one() -> None:
    found = read(trafficPolicy={**RANDOM, **port_80(POOL)})

    assert found.traffic_policy(81).load_balancer == {"simple": "RANDOM"}


def test_rules_for_the_same_host_are_one() -> None:
    older = rule("z", created="2026-01-01", subsets=[subset("v1"), subset("v2", RANDOM)])
    younger = rule("a", created="2026-01-02", subsets=[subset("v2"), subset("v3")], trafficPolicy=POOL)

    [found] = destination_rules([younger, older])

    assert set(found.subsets) == {"v1", "v2", "v3"}
    assert found.traffic_policy(80, "v2").load_balancer == {"simple": "RANDOM"}
    assert found.traffic_policy(80).connection_pool == POOL["connectionPool"]


def test_the_older_policy_wins() -> None:
    older = rule("z", created="2026-01-01", trafficPolicy=RANDOM)
    younger = rule("a", created="2026-01-02", trafficPolicy=POOL)

    [found] = destination_rules([younger, older])

    assert found.policy == RANDOM


def test_a_rule_for_some_clients_is_not_read() -> None:
    assert not destination_rules([rule(workloadSelector={"matchLabels": {"app": "client"}})])


@pytest.mark.parametrize(
    ("objects", "chosen"),
    [
        pytest.param([rule(namespace="gateways", host=HOST), rule()], "gateways", id="the proxy's namespace"),
        pytest.param([rule(), rule(namespace="istio-system", host=HOST)], "shop", id="the service's"),
        pytest.param([rule(namespace="istio-system", host=HOST)], "istio-system", id="the root's"),
        pytest.param([rule(namespace="consumer", host=HOST)], None, id="nobody else's"),
        pytest.param([rule(exportTo=["."])], None, id="not exported"),
        pytest.param([rule(exportTo=["gateways"])], "shop", id="exported to the proxy's namespace"),
        pytest.param(
            [rule(namespace="gateways", host=HOST, exportTo=["other"])], "gateways", id="one's own, always"
        ),
        pytest.param([rule(host="web.shop")], None, id="a name with a dot is not completed"),
        pytest.param([rule(host="*.shop.svc.cluster.local")], "shop", id="a wildcard"),
        pytest.param([rule(host="other")], None, id="another host"),
    ],
)
def test_a_proxy_follows_one_rule(objects: list[Object], chosen: str | None) -> None:
    namespaces = ("gateways", "shop", "istio-system")

    found = rule_for(destination_rules(objects), HOST, namespaces, "gateways")

    assert (found.namespace if found else None) == chosen


def test_the_most_exact_host_wins() -> None:
    hosts = ["*", "*.svc.cluster.local", "*.shop.svc.cluster.local", "web"]
    rules = destination_rules([rule(host, host=host) for host in hosts])

    found = rule_for(rules, HOST, ["shop"], "shop")

    assert found is not None
    assert found.host == HOST
