from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labcheck.authoring.mutants import commands, mutants
from labcheck.authoring.spoil import spoilt_manifests
from labcheck.lab.blocks import Block
from labcheck.lab.pages import Page

ROUTE = """\
kind: HTTPRoute
metadata: {name: web, namespace: red, labels: {app: web}}
spec:
  parentRefs: [{group: "", kind: Service, name: web, port: 80}]
  rules:
    - backendRefs: [{name: a, port: 80, weight: 90}, {name: b, port: 80, weight: 10}]
"""


def page(*texts: str) -> Page:
    return Page(Path("solution.md"), "", tuple(Block("sh", True, text, 1) for text in texts))


def made(*texts: str) -> dict[str, list[str]]:
    return {what: [block.text for block in mutant.blocks] for what, mutant in mutants(page(*texts))}


def test_commands_keep_their_here_documents_and_their_continued_lines() -> None:
    text = "kubectl get \\\n  pods\nkubectl apply -f - <<EOF\na: b\nEOF\necho done\n"
    assert commands(text) == [
        "kubectl get \\\n  pods\n",
        "kubectl apply -f - <<EOF\na: b\nEOF\n",
        "echo done\n",
    ]


def test_a_command_is_left_out_or_given_another_label() -> None:
    command = "kubectl label namespace red istio.io/use-waypoint=way\n"
    assert made(command, "echo\n") == {
        f"without `{command.strip()}`": ["echo\n"],
        "label istio.io/use-waypoint=way-2": [command.replace("=way", "=way-2"), "echo\n"],
    }


@pytest.mark.parametrize("command", ["kubectl get pods", "kubectl exec client -- curl -s http://web", "true"])
def test_what_changes_nothing_is_not_left_out(command: str) -> None:
    assert made(f"{command}\n") == {}


def test_waiting_is_cut_short_in_a_spoilt_answer() -> None:
    wait = "kubectl wait --for=condition=Programmed gtw/way --timeout=60s\n"
    [blocks] = made("kubectl delete pod x\n", wait).values()
    assert blocks == ["kubectl wait --for=condition=Programmed gtw/way --timeout=5s || true\n"]


def test_a_manifest_is_spoilt_one_thing_at_a_time() -> None:
    found = made(f"kubectl apply -f - <<EOF\n{ROUTE}EOF\n")
    assert set(found) == {
        "without HTTPRoute web",
        "HTTPRoute web: no label app",
        "HTTPRoute web: namespace default",
        "HTTPRoute web: parentRefs.0.port 81",
        "HTTPRoute web: rules.0.backendRefs.0.port 81",
        "HTTPRoute web: rules.0.backendRefs.1.port 81",
        "HTTPRoute web: rules.0.backendRefs.0.weight 70",
        "HTTPRoute web: rules.0.backendRefs.1.weight 30",
        "HTTPRoute web: parentRefs.0 a Gateway",
    }
    assert "port: 81" in found["HTTPRoute web: parentRefs.0.port 81"][0]
    assert found["without HTTPRoute web"] == []


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        ({"kind": "AuthorizationPolicy", "spec": {"action": "ALLOW"}}, "action DENY"),
        ({"kind": "AuthorizationPolicy", "spec": {"rules": [{}]}}, "action DENY"),
        ({"kind": "PeerAuthentication", "spec": {"mtls": {"mode": "STRICT"}}}, "mtls.mode PERMISSIVE"),
        ({"kind": "HTTPRoute", "spec": {"parentRefs": [{"name": "x"}]}}, "parentRefs.0 a Service"),
    ],
)
def test_words_are_turned_into_their_opposites(manifest: dict[str, Any], what: str) -> None:
    assert f"{manifest['kind']} None: {what}" in dict(spoilt_manifests([manifest]))


@pytest.mark.parametrize(
    "backends",
    [
        pytest.param([{"name": "a", "weight": 5}], id="a share of everything stays everything"),
        pytest.param([{"name": "a"}, {"name": "b"}], id="no weights"),
    ],
)
def test_a_weight_that_means_the_same_is_not_made(backends: list[dict[str, Any]]) -> None:
    manifest = {
        "kind": "HTTPRoute",
        "metadata": {"name": "x"},
        "spec": {"rules": [{"backendRefs": backends}]},
    }
    assert [what for what, _ in spoilt_manifests([manifest])] == ["without HTTPRoute x"]
