"""Strategic merge patch: which lists merge, by which key, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.patch.strategic import merge


def pod_spec(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


A, B, C = ({"name": name, "image": name} for name in "abc")


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        pytest.param(
            {"metadata": {"name": "p"}},
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"name": "p", "labels": {"a": "1"}}},
            id="maps-merge",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"a": None}}},
            {"metadata": {"labels": {}}},
            id="null-removes",
        ),
        pytest.param(
            pod_spec(A, B),
            pod_spec({"name": "b", "image": "new"}),
            pod_spec(A, {"name": "b", "image": "new"}),
            id="items-merge-by-key",
        ),
        pytest.param(pod_spec(A), pod_spec(C), pod_spec(C, A), id="new-items-come-first"),
        pytest.param(
            pod_spec(A, B), pod_spec({"name": "a", "$patch": "delete"}), pod_spec(B), id="an-item-is-deleted"
        ),
        pytest.param(
            pod_spec(A, B), pod_spec(C, {"$patch": "replace"}), pod_spec(C), id="the-list-is-replaced"
        ),
        pytest.param(
            pod_spec(A, B),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
            pod_spec(B, A),
            id="the-order-is-set",
        ),
        pytest.param(
            pod_spec(A, C),
            {"spec": {"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}], "containers": [B]}},
            pod_spec(A, B, C),
            id="the-servers-own-items-keep-their-place",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["b", "c"]}},
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            id="primitives-merge",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["b"]}},
            id="primitives-are-deleted",
        ),
        pytest.param(
            pod_spec({**A, "command": ["x", "y"]}),
            pod_spec({"name": "a", "command": ["z"]}),
            pod_spec({**A, "command": ["z"]}),
            id="other-lists-are-replaced",
        ),
        pytest.param(
            {"spec": {"a": 1, "b": 2}},
            {"spec": {"$patch": "replace", "c": 3}},
            {"spec": {"c": 3}},
            id="a-map-is-replaced",
        ),
        pytest.param({"spec": {"a": 1}}, {"spec": {"$patch": "delete"}}, {"spec": {}}, id="a-map-is-deleted"),
        pytest.param(
            pod_spec(volumes=[{"name": "v", "emptyDir": {}}]),
            pod_spec(
                volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]
            ),
            pod_spec(volumes=[{"name": "v", "hostPath": {"path": "/x"}}]),
            id="other-keys-go",
        ),
        pytest.param(
            {},
            pod_spec({**A, "env": [{"name": "x", "value": None}]}),
            pod_spec({**A, "env": [{"name": "x"}]}),
            id="what-is-new-has-no-nulls",
        ),
    ],
)
def test_a_pod_is_patched(core, target, patch, result):
    assert merge(core.kind("pods").schema, target, patch) == result


def test_ports_merge_by_their_number(core):
    ports = [{"containerPort": 80, "name": "http"}, {"containerPort": 443}]
    patch = pod_spec({"name": "a", "ports": [{"containerPort": 443, "name": "https"}]})
    patched = merge(core.kind("pods").schema, pod_spec({**A, "ports": ports}), patch)
    assert patched["spec"]["containers"][0]["ports"] == [ports[0], {"containerPort": 443, "name": "https"}]


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        pytest.param(pod_spec({"image": "x"}), "does not contain declared merge key: name", id="no-key"),
        pytest.param({"spec": {"$patch": "explode"}}, "Unknown patch type: explode", id="directive"),
    ],
)
def test_a_patch_that_makes_no_sense_is_a_bad_request(core, patch, message):
    with pytest.raises(ApiError, match=message) as raised:
        merge(core.kind("pods").schema, pod_spec(A), patch)
    assert raised.value.code == 400
