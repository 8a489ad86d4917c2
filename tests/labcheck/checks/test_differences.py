from __future__ import annotations

from typing import Any

import pytest

from labcheck.checks.differences import differences, only

ROUTE = {
    "metadata": {"name": "r", "uid": "1", "labels": {"a.b/c": "d"}},
    "spec": {
        "parentRefs": [
            {"group": "", "kind": "Service", "name": "helloworld", "port": 5000},
            {"group": "g", "kind": "Gateway", "name": "helloworld"},
        ],
        "hostnames": ["a", "b"],
        "rules": [
            {"matches": [{"path": {"type": "Exact", "value": "/x"}}], "backendRefs": [{"name": "x"}]},
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": "v1", "port": 5000, "weight": 90},
                    {"group": "", "kind": "Service", "name": "v2", "port": 5000, "weight": 10},
                ],
            },
        ],
    },
    "status": {"conditions": [{"type": "Accepted", "status": "True"}, {"type": "Ready", "status": "False"}]},
}


@pytest.mark.parametrize(
    "described",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"metadata": {"name": "r"}}, id="what the server added is left out"),
        pytest.param({"metadata": {"uid": ...}}, id="any value"),
        pytest.param({"metadata": {"deletionTimestamp": None}}, id="absent"),
        pytest.param({"spec": {"hostnames": ["b", "a"]}}, id="plain items in any order"),
        pytest.param(
            {"spec": {"rules": [{"backendRefs": [{"name": "v2", "weight": 10}, {"name": "v1"}]}]}},
            id="backends by name, in the rule that has them",
        ),
        pytest.param(
            {"spec": {"parentRefs": [{"kind": "Gateway", "name": "helloworld"}]}}, id="kind and name"
        ),
        pytest.param({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, id="by type"),
        pytest.param({"spec": {"hostnames": only("a", "b")}}, id="only these"),
    ],
)
def test_what_is_as_described_has_no_differences(described: Any) -> None:
    assert differences(described, ROUTE) == []


@pytest.mark.parametrize(
    ("described", "lines"),
    [
        pytest.param(
            {
                "spec": {
                    "rules": [{"backendRefs": [{"name": "v1", "weight": 80}, {"name": "v2", "weight": 20}]}]
                }
            },
            [
                "spec.rules[1].backendRefs[v1].weight: 80 expected, 90 observed",
                "spec.rules[1].backendRefs[v2].weight: 20 expected, 10 observed",
            ],
            id="a value in a named item",
        ),
        pytest.param(
            {"spec": {"parentRefs": [{"kind": "Service", "name": "other"}]}},
            [
                "spec.parentRefs[Service/other]: present expected, "
                "absent; there: Service/helloworld, Gateway/helloworld observed"
            ],
            id="an item that is not there",
        ),
        pytest.param(
            {"spec": {"parentRefs": only({"kind": "Service", "name": "helloworld"})}},
            ["spec.parentRefs[Gateway/helloworld]: absent expected, present observed"],
            id="an item too many",
        ),
        pytest.param(
            {"spec": {"hostnames": ["c"]}},
            ["spec.hostnames: with c expected, a, b observed"],
            id="plain item",
        ),
        pytest.param(
            {"metadata": {"labels": {"a.b/c": "e"}}},
            ["metadata.labels[a.b/c]: e expected, d observed"],
            id="a label",
        ),
        pytest.param(
            {"spec": {"x": {"y": 1}}}, ["spec.x: y=1 expected, absent observed"], id="a whole branch"
        ),
        pytest.param(
            {"metadata": {"name": None}}, ["metadata.name: absent expected, r observed"], id="unwanted"
        ),
        pytest.param(
            {"metadata": {"gone": ...}}, ["metadata.gone: present expected, absent observed"], id="any"
        ),
        pytest.param(
            {"metadata": {"name": {"a": 1}}}, ["metadata.name: a=1 expected, r observed"], id="shape"
        ),
        pytest.param({"spec": {"rules": {}}}, ["spec.rules: none expected, "], id="a map for a list"),
    ],
)
def test_a_difference_has_its_path_and_both_values(described: Any, lines: list[str]) -> None:
    found = [str(it) for it in differences(described, ROUTE)]
    assert len(found) == len(lines)
    assert all(it.startswith(line) for it, line in zip(found, lines, strict=True))


@pytest.mark.parametrize(
    ("was", "now", "paths"),
    [
        pytest.param({"app": "x"}, {"app": "x"}, [], id="the same"),
        pytest.param({"app": "x"}, {"app": "x", "version": "v1"}, ["f.version"], id="a key more"),
        pytest.param([{"name": "a"}], [{"name": "a"}, {"name": "b"}], ["f[b]"], id="an item more"),
        pytest.param(
            [{"name": "a", "env": []}], [{"name": "a", "env": [{"name": "X"}]}], ["f[a].env[X]"], id="deep"
        ),
        pytest.param([1, 2], [2], ["f"], id="an item less"),
        pytest.param(None, {"app": "x"}, ["f"], id="something where nothing was"),
        pytest.param(True, 1, ["f"], id="a number for a truth"),
    ],
)
def test_exactly_the_same_allows_nothing_more(was: Any, now: Any, paths: list[str]) -> None:
    assert [it.path for it in differences(was, now, "f", exact=True)] == paths
