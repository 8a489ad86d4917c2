"""What kubectl shows: each row is a command, and what its output must hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

SHOWS = [
    ("api-resources", ["deployments   deploy   apps/v1   true   Deployment", "events   ev   v1"]),
    ("api-resources --api-group=apps --verbs=list -o name", ["deployments.apps"]),
    ("api-versions", ["apps/v1", "rbac.authorization.k8s.io/v1"]),
    ("version", ["v1.36"]),
    ("cluster-info", ["https://127.0.0.1:"]),
    ("get pods", ["NAME   READY   STATUS   RESTARTS   AGE", "1/1   Running   0"]),
    ("get pods -o wide", ["IP   NODE   NOMINATED NODE   READINESS GATES", "10.244.0."]),
    ("get pods -o name", ["pod/web-"]),
    ("get pods -o yaml", ["kind: List", "phase: Running"]),
    ("get pods -l app=web --no-headers", ["Running"]),
    ("get pods --field-selector=status.phase=Running -o name", ["pod/web-"]),
    ("get pods --sort-by=.metadata.name", ["NAME   READY"]),
    ("get pods --show-labels", ["app=web,pod-template-hash="]),
    ("get pods -A", ["NAMESPACE   NAME"]),
    ("get pods -o custom-columns=NAME:.metadata.name,IP:.status.podIP", ["NAME   IP", "10.244.0."]),
    ("get pods -o jsonpath={.items[*].spec.containers[0].name}", ["app app"]),
    ("get deployment web -o go-template={{.spec.replicas}}", ["2"]),
    ("get deploy,svc", ["deployment.apps/web   2/2   2   2", "service/web   ClusterIP   10.96."]),
    ("get all", ["pod/web-", "service/web", "deployment.apps/web", "replicaset.apps/web-"]),
    ("get --raw /readyz?verbose", ["[+]ping ok", "readyz check passed"]),
    ("get events", ["Scheduled", "ScalingReplicaSet", "deployment/web"]),
    ("describe deployment web", ["Replicas:   2 desired | 2 updated | 2 total | 2 available", "Events:"]),
    ("describe pods -l app=web", ["Labels:   app=web", "Started container app"]),
    ("describe service web", ["Endpoints:   10.244.0."]),
    ("describe node", ["Ready   True", "KubeletReady"]),
    ("explain deployment.spec.replicas", ["replicas <integer>", "Number of desired pods"]),
    ("explain pods.spec.containers.ports", ["containerPort   <integer>"]),
    ("explain service --recursive", ["ports   <[]"]),
    ("auth can-i delete pods", ["yes"]),
    ("auth can-i --list", ["Resources", "*.*"]),
    ("rollout history deployment/web", ["REVISION   CHANGE-CAUSE", "1   <none>"]),
    ("logs deployment/web", ["5000"]),
]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("command", "expected"), SHOWS, ids=[command for command, _ in SHOWS])
def test_kubectl_shows(reader: Any, command: str, expected: list[str]) -> None:
    shown = words(reader(*command.split()))

    assert [text for text in expected if words(text) not in shown] == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("get pod nope", 'Error from server (NotFound): pods "nope" not found'),
        ("get nonsense", 'the server doesn\'t have a resource type "nonsense"'),
        ("get pods --field-selector=spec.nope=1", "field label not supported: spec.nope"),
        ("get pods -l a==b==c", "unable to parse requirement"),
        ("logs nope", 'pods "nope" not found'),
        ("auth can-i get pods --as bob", ""),
        ("get pods --as bob", 'pods is forbidden: User "bob" cannot list resource "pods"'),
        ("create namespace default", 'namespaces "default" already exists'),
    ],
)
def test_kubectl_fails_and_says_why(reader: Any, command: str, message: str) -> None:
    done = reader.run(*command.split())

    assert done.returncode == 1
    assert message in done.stderr


def test_an_object_comes_whole_as_json(reader: Any) -> None:
    deployment = json.loads(reader("get", "deployment", "web", "-o", "json"))

    assert deployment["status"]["readyReplicas"] == 2
    assert deployment["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_list_in_chunks_is_whole(kubectl: Any) -> None:
    for number in range(7):
        kubectl("create", "configmap", f"n{number}")

    assert len(kubectl("get", "configmaps", "--chunk-size=3", "-o", "name").splitlines()) == 8


def test_a_watch_prints_each_change_as_a_row(kubectl: Any) -> None:
    with kubectl.running("get", "configmaps", "--watch", "-o", "name") as watch:
        assert watch.stdout.readline() == "configmap/kube-root-ca.crt\n"
        kubectl("create", "configmap", "fresh")
        assert watch.stdout.readline() == "configmap/fresh\n"


def test_a_watched_table_has_its_header_once(kubectl: Any) -> None:
    with kubectl.running("get", "configmaps", "--watch") as watch:
        head, first = watch.stdout.readline(), watch.stdout.readline()
        kubectl("create", "configmap", "fresh", "--from-literal=a=b")
        second = watch.stdout.readline()

    assert (head.split(), first.split()[:2], second.split()[:2]) == (
        ["NAME", "DATA", "AGE"],
        ["kube-root-ca.crt", "1"],
        ["fresh", "1"],
    )
