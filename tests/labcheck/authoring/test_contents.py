from __future__ import annotations

from typing import Any

import pytest

from labcheck.authoring.contents import contents, differences
from labcheck.kube import ApiRefused, Kind


def kind(name: str, version: str = "v1") -> Kind:
    return Kind("", version, name, name.lower() + "s", name.lower(), (), True)


class Stored:
    """As much of a cluster as is read."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects = objects

    def kinds(self, *, again: bool = False) -> list[Kind]:
        return [kind("Service"), kind("Pod"), kind("Event"), kind("Review"), kind("Service", "v1old")]

    def all(self, kind: Kind) -> list[dict[str, Any]]:
        if kind.kind == "Review":
            raise ApiRefused(405, {}, "GET")
        assert kind.version == "v1"
        return self.objects.get(kind.plural, [])


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "red", "resourceVersion": "7"}, **fields}


def test_contents_are_what_somebody_decided() -> None:
    owned = thing("owned")
    owned["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet"}]
    stored = Stored(
        services=[thing("web", spec={"port": 1}, status={"ready": 1})], pods=[owned], events=[thing("e")]
    )
    assert contents(stored) == {  # type: ignore[arg-type]
        "Service red/web": {"metadata": {"name": "web", "namespace": "red"}, "spec": {"port": 1}}
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a": {}}, {"a": {}}, ""),
        ({}, {"a": {}}, "a appeared"),
        ({"a": {}}, {}, "a is gone"),
        ({"a": {"spec": {"x": 1, "y": 2}}}, {"a": {"spec": {"x": 1, "y": 3}}}, "a changed at spec.y"),
        ({}, dict.fromkeys("abcdef"), ", ".join(f"{it} appeared" for it in "abcde") + " and 1 more"),
    ],
)  # fmt: skip
def test_differences_are_said_in_a_few_words(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert differences(before, after) == said
