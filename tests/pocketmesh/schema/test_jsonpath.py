"""Printer columns find their values."""

from __future__ import annotations

import pytest

from pocketmesh.schema import jsonpath

OBJECT = {
    "metadata": {"name": "web", "annotations": {"a.b/c": "yes"}},
    "spec": {"hosts": ["a", "b"], "ports": [{"port": 80}, {"port": 81}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Accepted", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".metadata.name", ["web"]),
        ("metadata.name", ["web"]),
        (".spec.hosts", [["a", "b"]]),
        (".spec.hosts[1]", ["b"]),
        (".spec.hosts[-1]", ["b"]),
        (".spec.hosts[7]", []),
        (".spec.ports[*].port", [80, 81]),
        ('.status.conditions[?(@.type=="Accepted")].status', ["False"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        (r".metadata.annotations.a\.b/c", ["yes"]),
        (".metadata.annotations['a.b/c']", ["yes"]),
        (".nothing.here", []),
    ],
)
def test_a_path_leads_to_values(path, values):
    assert jsonpath.find(path, OBJECT) == values


def test_what_columns_never_use_is_refused():
    with pytest.raises(jsonpath.UnsupportedPath):
        jsonpath.find(".spec[1:2]..x", OBJECT)
