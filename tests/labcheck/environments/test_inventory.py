from __future__ import annotations

from typing import Any

import pytest

from labcheck.environments.inventory import Changes, changes


def obj(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "red", "uid": "u", "resourceVersion": "7", "managedFields": []}
    metadata |= fields.pop("metadata", {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


SERVICE = obj("Service", "web", spec={"ports": [80]}, status={})
POD = obj("Pod", "client", spec={"nodeName": "n", "containers": []}, status={"phase": "Running"})


@pytest.mark.parametrize(
    ("now", "found"),
    [
        pytest.param([SERVICE, POD], (0, 0, 0), id="as it was"),
        pytest.param([SERVICE, POD, obj("Service", "new")], (1, 0, 0), id="something new"),
        pytest.param([POD], (0, 0, 1), id="a Service lost"),
        pytest.param([SERVICE], (0, 0, 1), id="a Pod lost"),
        pytest.param([{**SERVICE, "spec": {"ports": [81]}}, POD], (0, 1, 0), id="a field changed"),
        pytest.param([{**SERVICE, "status": {"x": 1}}, POD], (0, 0, 0), id="only a status changed"),
        pytest.param(
            [obj("Service", "web", spec={"ports": [80]}, metadata={"labels": {"a": "b"}}), POD],
            (0, 1, 0),
            id="a label added",
        ),
        pytest.param(
            [SERVICE, {**POD, "metadata": POD["metadata"] | {"labels": {"a": "b"}}}],
            (0, 1, 0),
            id="a label added to a Pod",
        ),
        pytest.param(
            [SERVICE, {**POD, "metadata": POD["metadata"] | {"uid": "another"}}],
            (0, 0, 1),
            id="a Pod replaced",
        ),
        pytest.param(
            [SERVICE, {**POD, "spec": {"containers": [{"image": "other:1"}]}}],
            (0, 0, 1),
            id="a Pod with another image",
        ),
        pytest.param(
            [
                SERVICE,
                {
                    **POD,
                    "metadata": POD["metadata"]
                    | {"annotations": {"ambient.istio.io/redirection": "enabled"}},
                },
            ],
            (0, 0, 0),
            id="an annotation of the mesh's",
        ),
    ],
)
def test_what_is_to_be_done(now: list[dict[str, Any]], found: tuple[int, int, int]) -> None:
    todo = changes([SERVICE, POD], now)
    assert (len(todo.delete), len(todo.put), len(todo.make)) == found


def test_what_is_put_back_replaces_what_is_there_now() -> None:
    now = obj("Service", "web", spec={"ports": [81]}, metadata={"resourceVersion": "9"})
    (put,) = changes([SERVICE], [now]).put
    assert put["spec"] == {"ports": [80]}
    assert put["metadata"] == {"name": "web", "namespace": "red", "resourceVersion": "9"}


def test_a_pod_keeps_its_spec_and_what_controllers_have_noted() -> None:
    noted = {"ambient.istio.io/redirection": "enabled", "mine": "x"}
    now = {**POD, "metadata": POD["metadata"] | {"annotations": noted, "labels": {"a": "b"}}}
    (put,) = changes([POD], [now]).put
    assert put["spec"] == POD["spec"]
    assert put["metadata"]["annotations"] == {"ambient.istio.io/redirection": "enabled"}
    assert "labels" not in put["metadata"]


def test_what_is_made_again_has_nothing_of_the_servers() -> None:
    (made,) = changes([POD], []).make
    assert made == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "namespace": "red", "annotations": {}},
        "spec": {"containers": []},
    }


def test_the_same_in_another_version_is_the_same() -> None:
    assert changes([SERVICE | {"apiVersion": "g/v1"}], [SERVICE | {"apiVersion": "g/v2"}]) == Changes()
