from __future__ import annotations

from typing import Any

import pytest

from labcheck.authoring.contents import contents, differences


def thing(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "red", "resourceVersion": "7"}
    return {"kind": kind, "metadata": metadata, **fields}


def test_contents_are_what_somebody_decided() -> None:
    owned = thing("Pod", "owned")
    owned["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet"}]
    web = thing("Service", "web", spec={"port": 1}, status={"ready": 1})
    assert contents([web, owned, thing("Event", "e")]) == {
        "Service red/web": {
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "red"},
            "spec": {"port": 1},
        }
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
