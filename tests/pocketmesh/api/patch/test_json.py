"""JSON patch (RFC 6902); the cases are those of the RFC's appendix and of kube-apiserver."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.patch import json


def op(name: str, path: str, **fields: object) -> dict[str, object]:
    return {"op": name, "path": path, **fields}


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        pytest.param({"a": 1}, [op("add", "/b", value=2)], {"a": 1, "b": 2}, id="add-member"),
        pytest.param({"a": [1, 3]}, [op("add", "/a/1", value=2)], {"a": [1, 2, 3]}, id="insert"),
        pytest.param({"a": [1]}, [op("add", "/a/-", value=2)], {"a": [1, 2]}, id="append"),
        pytest.param({"a": 1, "b": 2}, [op("remove", "/b")], {"a": 1}, id="remove-member"),
        pytest.param({"a": [1, 2, 3]}, [op("remove", "/a/1")], {"a": [1, 3]}, id="remove-item"),
        pytest.param({"a": 1}, [op("replace", "/a", value={"b": 1})], {"a": {"b": 1}}, id="replace"),
        pytest.param({"a": [1, 2]}, [op("replace", "/a/0", value=9)], {"a": [9, 2]}, id="replace-item"),
        pytest.param({"a": {"b": 1}}, [op("move", "/c", **{"from": "/a/b"})], {"a": {}, "c": 1}, id="move"),
        pytest.param(
            {"a": [1, 2, 3]}, [op("move", "/a/2", **{"from": "/a/0"})], {"a": [2, 3, 1]}, id="move-item"
        ),
        pytest.param(
            {"a": {"b": 1}}, [op("copy", "/c", **{"from": "/a"})], {"a": {"b": 1}, "c": {"b": 1}}, id="copy"
        ),
        pytest.param({"a/b": 1, "m~n": 2}, [op("remove", "/a~1b"), op("remove", "/m~0n")], {}, id="escapes"),
        pytest.param({"a": 1}, [op("test", "/a", value=1), op("remove", "/a")], {}, id="test"),
        pytest.param({"a": 1}, [op("replace", "", value={"b": 2})], {"b": 2}, id="whole"),
        pytest.param({"a": 1}, [], {"a": 1}, id="nothing"),
    ],
)
def test_operations_apply_in_order(document, operations, result):
    assert json.patch(document, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(op("remove", "/b"), id="remove-absent"),
        pytest.param(op("replace", "/b", value=1), id="replace-absent"),
        pytest.param(op("test", "/a", value=2), id="test-fails"),
        pytest.param(op("test", "/a", value=True), id="true-is-not-one"),
        pytest.param(op("add", "/l/5", value=1), id="beyond-the-end"),
        pytest.param(op("add", "/l/01", value=1), id="leading-zero"),
        pytest.param(op("add", "/x/y", value=1), id="no-parent"),
        pytest.param(op("add", "a", value=1), id="no-slash"),
        pytest.param(op("add", "/b"), id="no-value"),
        pytest.param(op("frobnicate", "/a"), id="unknown"),
    ],
)
def test_an_operation_that_fails_refuses_the_patch(operation):
    with pytest.raises(ApiError) as raised:
        json.patch({"a": 1, "l": [1]}, [operation])
    assert (raised.value.code, raised.value.reason) == (422, "Invalid")
    assert str(raised.value) == "the server rejected our request due to an error in our request"


def test_the_target_is_left_as_it_was():
    document = {"a": {"b": [1]}}
    json.patch(document, [op("add", "/a/b/-", value=2), op("copy", "/c", **{"from": "/a"})])
    assert document == {"a": {"b": [1]}}


@pytest.mark.parametrize("patch", [{}, "x", [1]], ids=["object", "text", "numbers"])
def test_what_is_no_patch_is_a_bad_request(patch):
    with pytest.raises(ApiError) as raised:
        json.patch({}, patch)
    assert raised.value.code == 400


def test_too_many_operations_are_refused():
    with pytest.raises(ApiError, match="10000, got 10001") as raised:
        json.patch({}, [op("add", "/a", value=1)] * 10_001)
    assert raised.value.code == 413
