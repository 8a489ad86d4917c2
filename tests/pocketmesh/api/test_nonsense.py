"""Whatever a client sends, the answer is an object or a refusal, never a crash."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketmesh.api.errors import ApiError
from pocketmesh.objects import copied

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70_000)
    | st.floats(-2, 2)
    | st.sampled_from(["", "x", "a/b", "-"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "metadata", "spec", "$patch", "f:a", "key", "items", "op", "path"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
POD = {
    "metadata": {"name": "p", "namespace": "shop", "labels": {"a": "b"}, "finalizers": ["x/y"]},
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "1"}],
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
}
SERVICE = {
    "metadata": {"name": "s", "namespace": "shop", "managedFields": [{"manager": "m"}]},
    "spec": {"type": "NodePort", "ports": [{"port": 80, "name": "http"}], "selector": {"a": "b"}},
}
PATCHES = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node."""
    found = [path]
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        found += places(child, (*path, key))
    return found


@st.composite
def damaged(draw: st.DrawFn, obj: dict[str, Any]) -> dict[str, Any]:
    """The object with one node replaced."""
    result = copied(obj)
    path = draw(st.sampled_from([place for place in places(obj) if place]))
    parent: Any = result
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = draw(JUNK)
    return result


@OFTEN
@given(
    st.sampled_from([("pods", POD), ("services", SERVICE)]).flatmap(
        lambda row: st.tuples(st.just(row[0]), damaged(row[1]))
    )
)
def test_a_damaged_object_is_created_or_refused(core, row):
    resource, obj = row
    with suppress(ApiError):
        core.registry.create(core.kind(resource), "shop", obj, core.write(dry_run=True))


@OFTEN
@given(damaged(POD))
def test_a_damaged_object_replaces_or_is_refused(core, obj):
    with suppress(ApiError):
        core.create("pods", POD)
    with suppress(ApiError):
        core.registry.update(core.kind("pods"), "shop", "p", obj, core.write(dry_run=True))


@pytest.mark.parametrize("content_type", PATCHES)
@OFTEN
@given(
    patch=JUNK
    | damaged(POD)
    | st.lists(
        st.dictionaries(
            st.sampled_from(["op", "path", "value", "from"]),
            JUNK | st.sampled_from(["add", "remove", "test", "/spec/containers/0", "/metadata"]),
            max_size=4,
        ),
        max_size=2,
    )
)
def test_a_damaged_patch_applies_or_is_refused(core, content_type, patch):
    with suppress(ApiError):
        core.create("pods", POD)
    with suppress(ApiError):
        core.patch("pods", "p", content_type, patch, "shop", dry_run=True)


@OFTEN
@given(patch=JUNK)
def test_a_damaged_scale_is_refused(core, deployment, patch):
    with suppress(ApiError):
        core.create("deployments.apps", deployment)
    with suppress(ApiError):
        core.patch(
            "deployments.apps", "web", PATCHES[1], {"spec": patch}, "shop", subresource="scale", dry_run=True
        )
