from __future__ import annotations

import pytest

from pocketmesh.api.server.targets import Target, target, verb


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/pods", Target("", "v1", "pods")),
        ("/api/v1/namespaces", Target("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/status", Target("", "v1", "namespaces", "", "a", "status")),
        ("/api/v1/namespaces/a/finalize", Target("", "v1", "namespaces", "", "a", "finalize")),
        ("/api/v1/namespaces/a/pods", Target("", "v1", "pods", "a")),
        ("/api/v1/namespaces/a/pods/b", Target("", "v1", "pods", "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", Target("", "v1", "pods", "a", "b", "log")),
        ("/apis/apps/v1/deployments", Target("apps", "v1", "deployments")),
        (
            "/apis/apps/v1/namespaces/a/deployments/b/scale",
            Target("apps", "v1", "deployments", "a", "b", "scale"),
        ),
        ("/api/v1/namespaces/a/services/b/proxy/c/d", Target("", "v1", "services", "a", "b", "proxy")),
        ("/api/v1", None),
        ("/apis/apps/v1", None),
        ("/healthz", None),
        ("/", None),
    ],
)
def test_a_path_names_its_target(path: str, found: Target | None) -> None:
    assert target(path) == found


@pytest.mark.parametrize(
    ("method", "name", "query", "expected"),
    [
        ("GET", "", {}, "list"),
        ("GET", "", {"watch": "true"}, "watch"),
        ("GET", "", {"watch": ""}, "watch"),
        ("GET", "", {"watch": "0"}, "list"),
        ("GET", "b", {}, "get"),
        ("POST", "", {}, "create"),
        ("PUT", "b", {}, "update"),
        ("PATCH", "b", {}, "patch"),
        ("DELETE", "b", {}, "delete"),
        ("DELETE", "", {}, "deletecollection"),
        ("POST", "b", {}, ""),
        ("PUT", "", {}, ""),
        ("PATCH", "", {}, ""),
        ("BREW", "b", {}, ""),
    ],
)
def test_a_method_becomes_a_verb(method: str, name: str, query: dict[str, str], expected: str) -> None:
    assert verb(method, Target("", "v1", "pods", "a", name), query) == expected
