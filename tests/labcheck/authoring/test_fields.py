from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labcheck.authoring.fields import misspelt
from labcheck.kube import Kind
from labcheck.lab.blocks import Block
from labcheck.lab.pages import Page

SCHEMAS = {
    "Service": {
        "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Service"}],
        "properties": {
            "apiVersion": {},
            "kind": {},
            "metadata": {"properties": {"name": {}, "labels": {"additionalProperties": {}}}},
            "spec": {"properties": {"ports": {"items": {"properties": {"port": {}}}}}},
        },
    }
}


class Serving:
    """As much of a cluster as is asked."""

    connection: Any

    def __init__(self) -> None:
        self.connection = self

    def kinds(self, *, again: bool = False) -> list[Kind]:
        return [Kind("", "v1", "Service", "services", "service", (), True)]

    def request(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/openapi/v3/api/v1")
        return {"components": {"schemas": SCHEMAS}}


HEAD = "apiVersion: v1\nkind: Service\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (f"{HEAD}spec: {{ports: [{{port: 1}}]}}\nmetadata: {{labels: {{any: thing}}}}", []),
        (
            f"{HEAD}spec:\n  ports:\n  - prt: 1",
            ["9: Service has no field `prt` in spec.ports.0. Did you mean `port`?"],
        ),
        (f"{HEAD}spec:\n  ports:", []),
        (f"{HEAD}metdata: {{}}", ["7: Service has no field `metdata`. Did you mean `metadata`?"]),
        ("apiVersion: v1\nkind: Servce", ["6: The cluster serves no kind `Servce`. Did you mean `Service`?"]),
        ("apiVersion: v2\nkind: Service", ["5: The cluster serves no apiVersion `v2`. Valid are `v1`."]),
    ],
)
def test_what_the_cluster_does_not_know_is_named_with_its_line(text: str, problems: list[str]) -> None:
    block = Block("yaml", False, f"{text}\n", 5)
    found = misspelt(Page(Path("guide.md"), "", (block,)), Serving())  # type: ignore[arg-type]
    assert [f"{it.line}: {it.text}" for it in found] == problems


def test_a_fragment_is_not_judged() -> None:
    page = Page(Path("guide.md"), "", (Block("yaml", False, "spc: 1\n", 5), Block("sh", True, "a: b\n", 9)))
    assert list(misspelt(page, Serving())) == []  # type: ignore[arg-type]
