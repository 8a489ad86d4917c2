"""LimitRanges and ResourceQuotas: what is filled in, and in what words a pod too many is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError

SCALE = "application/merge-patch+json"


def pod(name: str = "p", requests: Any = None, limits: Any = None, **spec: Any) -> dict[str, Any]:
    asked = {part: value for part, value in (("requests", requests), ("limits", limits)) if value}
    container = {"name": "c", "image": "i", "resources": asked}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": [container], **spec}}


def limit(**item: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "l", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", **item}]},
    }


def quota(*, name: str = "q", spec: dict[str, Any] | None = None, **hard: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"hard": named, **(spec or {})}}


def refused(core: Any, resource: str, obj: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as raised:
        core.create(resource, obj)
    assert raised.value.code == 403
    return raised.value.message.removeprefix(f'{resource} "{obj["metadata"]["name"]}" is forbidden: ')


def test_a_container_that_asks_for_nothing_gets_the_default(core):
    core.create("limitranges", limit(default={"cpu": "1"}, defaultRequest={"cpu": "500m"}))
    made = core.create("pods", pod())
    assert made["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}
    note = "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    assert made["metadata"]["annotations"] == {"kubernetes.io/limit-ranger": note}


@pytest.mark.parametrize(
    ("item", "requests", "limits", "why"),
    [
        (
            {"max": {"memory": "1Gi"}},
            None,
            {"memory": "1536Mi"},
            "maximum memory usage per Container is 1Gi, but limit is 1536Mi",
        ),
        (
            {"min": {"cpu": "200m"}},
            {"cpu": "100m"},
            None,
            "minimum cpu usage per Container is 200m, but request is 100m",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"cpu": "1"},
            {"cpu": "3"},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            {"cpu": "1"},
            None,
            "maximum cpu usage per Pod is 1.  No limit is specified",
        ),
    ],
)
def test_a_pod_beyond_the_limits_is_refused(core, item, requests, limits, why):
    core.create("limitranges", limit(**item))
    assert refused(core, "pods", pod(requests=requests, limits=limits)) == why


def test_several_limits_are_told_together(core):
    core.create("limitranges", limit(max={"cpu": "1", "memory": "1Gi"}))
    assert refused(core, "pods", pod(limits={"cpu": "2", "memory": "2Gi"})) == (
        "[maximum cpu usage per Container is 1, but limit is 2, "
        "maximum memory usage per Container is 1Gi, but limit is 2Gi]"
    )


def test_a_claim_beyond_the_limits_is_refused(core):
    core.create("limitranges", limit(type="PersistentVolumeClaim", max={"storage": "1Gi"}))
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    claim = {"metadata": {"name": "d", "namespace": "shop"}, "spec": spec}
    assert refused(core, "persistentvolumeclaims", claim) == (
        "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
    )


def test_one_pod_too_many(core):
    core.create("resourcequotas", quota(pods="1"))
    core.create("pods", pod("a"))
    assert (
        refused(core, "pods", pod("b"))
        == "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    )


def test_a_pod_that_is_done_makes_room(core):
    core.create("resourcequotas", quota(pods="1"))
    made = core.create("pods", pod("a"))
    core.update("pods", {**made, "status": {**made["status"], "phase": "Succeeded"}}, subresource="status")
    assert core.create("pods", pod("b"))


def test_more_than_there_is_left(core):
    core.create("resourcequotas", quota(requests_cpu="1", requests_memory="1Gi"))
    core.create("pods", pod("a", {"cpu": "400m", "memory": "600Mi"}))
    assert refused(core, "pods", pod("b", {"cpu": "700m", "memory": "700Mi"})) == (
        "exceeded quota: q, requested: requests.cpu=700m,requests.memory=700Mi, "
        "used: requests.cpu=400m,requests.memory=600Mi, limited: requests.cpu=1,requests.memory=1Gi"
    )


def test_what_is_counted_must_be_asked_for(core):
    core.create("resourcequotas", quota(limits_cpu="1", requests_memory="1Gi"))
    assert refused(core, "pods", pod(requests={"memory": "1Mi"})) == (
        "failed quota: q: must specify limits.cpu for: c"
    )


@pytest.mark.parametrize(
    ("resource", "hard", "spec"),
    [
        ("configmaps", {"configmaps": "1"}, {}),
        ("configmaps", {"count__configmaps": "1"}, {}),
        ("services", {"services": "1"}, {"spec": {"ports": [{"port": 80}]}}),
        ("services", {"services_nodeports": "1"}, {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
    ],
)
def test_other_things_are_counted_too(core, resource, hard, spec):
    core.create("resourcequotas", quota(**hard))
    core.create(resource, {"metadata": {"name": "a", "namespace": "shop"}, **spec})
    second = {"metadata": {"name": "b", "namespace": "shop"}, **spec}
    assert refused(core, resource, second).startswith("exceeded quota: q, requested: ")


def test_a_change_that_needs_more_is_counted(core):
    core.create("resourcequotas", quota(services_nodeports="0"))
    spec = {"ports": [{"port": 80}]}
    core.create("services", {"metadata": {"name": "a", "namespace": "shop"}, "spec": spec})
    with pytest.raises(ApiError, match=r"exceeded quota: q, requested: services\.nodeports=1"):
        core.patch("services", "a", SCALE, {"spec": {"type": "NodePort"}}, "shop")


@pytest.mark.parametrize(
    ("scope", "counted"),
    [
        ({"scopes": ["BestEffort"]}, True),
        ({"scopes": ["NotBestEffort"]}, False),
        ({"scopes": ["Terminating"]}, False),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
            False,
        ),
    ],
)
def test_a_quota_counts_what_is_in_its_scopes(core, scope, counted):
    core.create("resourcequotas", quota(spec=scope, pods="0"))
    if counted:
        assert "exceeded quota" in refused(core, "pods", pod())
    else:
        assert core.create("pods", pod())
