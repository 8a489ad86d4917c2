"""What the setup applied, against what is there now."""

from __future__ import annotations

from typing import Any

import pytest

from labcheck.checks.cluster import ClusterView
from labcheck.checks.context import Guard
from labcheck.checks.guards import tampering
from labcheck.kube import Kind, kinds

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "n"},
    "spec": {"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80}]},
}
GUARD = Guard(SERVICE, ("spec.selector", "spec.ports"), ("split",))


class Holding:
    """A cluster that holds one Service, or none."""

    def __init__(self, service: dict[str, Any] | None) -> None:
        self.service = service

    def kind(self, name: str) -> Kind:
        knative = Kind("serving.knative.dev", "v1", "Service", "services", "service", (), True)
        return kinds.find([knative, Kind("", "v1", "Service", "services", "service", (), True)], name)

    def all(self, kind: Kind, namespace: str, labels: object) -> list[dict[str, Any]]:
        assert (kind.group, namespace) == ("", "n")
        return [self.service] if self.service else []


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        pytest.param(SERVICE, [], id="as it was"),
        pytest.param(
            {**SERVICE, "metadata": {"name": "s", "labels": {"a": "b"}}, "status": {}},
            [],
            id="changed where it may be",
        ),
        pytest.param(
            {**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "x", "version": "v1"}}},  # type: ignore[dict-item]
            ["spec.selector.version: absent expected, v1 observed"],
            id="a selector that asks for more",
        ),
        pytest.param(
            {**SERVICE, "spec": {"ports": [{"name": "http", "port": 81}]}},
            [
                "spec.selector: app=x expected, absent observed",
                "spec.ports[http].port: 80 expected, 81 observed",
            ],
            id="two fields",
        ),
        pytest.param(None, ["Service n/s: present expected, absent observed"], id="deleted"),
    ],
)
def test_what_was_changed_is_named(now: dict[str, Any] | None, lines: list[str]) -> None:
    found = tampering([GUARD], ClusterView(Holding(now)))  # type: ignore[arg-type]
    assert [str(it) for one in found for it in one.differences] == lines
    assert [(it.object, it.tasks) for it in found] == [("Service n/s", ("split",))] * bool(lines)
