"""Whether a rule covers what is wanted."""

from __future__ import annotations

import pytest

from pocketmesh.api.auth.rbac import covers
from pocketmesh.api.server.access import Attributes

LOG = Attributes("get", "", "v1", "pods", "log", "shop", "p")
POD = Attributes("get", "", "v1", "pods", "", "shop", "p")


def rule(verbs: str, groups: str, resources: str, *names: str) -> dict[str, object]:
    parts = {"verbs": verbs.split(","), "apiGroups": groups.split(","), "resources": resources.split(",")}
    return {**parts, **({"resourceNames": list(names)} if names else {})}


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        pytest.param(rule("get", "", "pods"), POD, True, id="exact"),
        pytest.param(rule("list", "", "pods"), POD, False, id="other-verb"),
        pytest.param(rule("get", "apps", "pods"), POD, False, id="other-group"),
        pytest.param(rule("*", "*", "*"), POD, True, id="everything"),
        pytest.param(rule("*", "*", "*"), LOG, True, id="everything-and-subresources"),
        pytest.param(rule("get", "", "pods"), LOG, False, id="a-subresource-is-asked-for-apart"),
        pytest.param(rule("get", "", "pods/log"), LOG, True, id="subresource"),
        pytest.param(rule("get", "", "*/log"), LOG, True, id="subresource-of-anything"),
        pytest.param(rule("get", "", "pods", "p"), POD, True, id="named"),
        pytest.param(rule("get", "", "pods", "q"), POD, False, id="another-is-named"),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]},
            Attributes("get", path="/healthz/ping"),
            True,
            id="path-below",
        ),
        pytest.param(
            rule("*", "*", "*"), Attributes("get", path="/metrics"), False, id="a-path-is-no-resource"
        ),
        pytest.param({"verbs": ["get"], "nonResourceURLs": ["*"]}, POD, False, id="a-resource-is-no-path"),
    ],
)
def test_a_rule_covers(given, wanted, expected):
    assert covers(given, wanted) is expected
