"""`kubectl get` reads as it does with a real server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
META = {"name": "web", "creationTimestamp": "2026-01-31T11:55:00Z"}


@pytest.fixture
def row(builtins):
    def row(resource: str, *, wide: bool = False, **parts: object):
        obj = {"metadata": META, **parts}
        columns = builtins.stored(resource).columns
        return {
            column.name.upper(): column.cell(obj, NOW) for column in columns if wide or not column.priority
        }

    return row


def container(name="web", *, ready=False, restarts=0, **state):
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def pod(*statuses, inits=(), **status):
    return {
        "spec": {
            "containers": [{"name": entry["name"]} for entry in statuses],
            "initContainers": [{"name": entry["name"]} for entry in inits],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(inits),
            **status,
        },
    }


@pytest.mark.parametrize(
    ("parts", "ready", "status"),
    [
        (pod(container(ready=True, running={})), "1/1", "Running"),
        (
            pod(container(waiting={"reason": "ContainerCreating"}), phase="Pending"),
            "0/1",
            "ContainerCreating",
        ),
        (pod(container(waiting={"reason": "ImagePullBackOff"}), phase="Pending"), "0/1", "ImagePullBackOff"),
        (
            pod(container(terminated={"exitCode": 0, "reason": "Completed"}), phase="Succeeded"),
            "0/1",
            "Completed",
        ),
        (pod(container(terminated={"exitCode": 3}), phase="Failed"), "0/1", "ExitCode:3"),
        (
            pod(container(waiting={"reason": "PodInitializing"}), inits=[container("init", running={})]),
            "0/1",
            "Init:0/1",
        ),
        (
            pod(
                container(waiting={"reason": "PodInitializing"}),
                inits=[container("init", terminated={"exitCode": 1, "reason": "Error"})],
            ),
            "0/1",
            "Init:Error",
        ),
        (
            pod(
                container(ready=True, running={}),
                container("b", terminated={"exitCode": 1, "reason": "Error"}),
            ),
            "1/2",
            "Error",
        ),
        (
            {**pod(container(ready=True, running={})), "metadata": {**META, "deletionTimestamp": "x"}},
            "1/1",
            "Terminating",
        ),
    ],
    ids=[
        "running",
        "creating",
        "no image",
        "completed",
        "failed",
        "initializing",
        "init failed",
        "one of two failed",
        "terminating",
    ],
)
def test_a_pods_status_is_one_word(row, parts, ready, status):
    cells = row("pods", **parts)
    assert (cells["READY"], cells["STATUS"]) == (ready, status)


def test_restarts_say_how_long_ago(row):
    crashed = container(restarts=3, waiting={"reason": "CrashLoopBackOff"})
    crashed["lastState"] = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-31T11:59:30Z"}}
    assert row("pods", **pod(crashed)) == {
        "NAME": "web",
        "READY": "0/1",
        "STATUS": "CrashLoopBackOff",
        "RESTARTS": "3 (30s ago)",
        "AGE": "5m",
    }


def test_wide_columns_of_a_pod_say_where_it_is(row):
    cells = row("pods", wide=True, spec={"nodeName": "n1"}, status={"podIPs": [{"ip": "10.244.0.5"}]})
    assert list(cells.values())[5:] == ["10.244.0.5", "n1", "<none>", "<none>"]


@pytest.mark.parametrize(
    ("resource", "parts", "cells"),
    [
        (
            "deployments.apps",
            {
                "spec": {"replicas": 2},
                "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            },
            {"NAME": "web", "READY": "1/2", "UP-TO-DATE": 2, "AVAILABLE": 1, "AGE": "5m"},
        ),
        (
            "services",
            {
                "spec": {
                    "type": "ClusterIP",
                    "clusterIPs": ["10.96.0.7"],
                    "ports": [
                        {"port": 80, "protocol": "TCP"},
                        {"port": 443, "nodePort": 30443, "protocol": "TCP"},
                    ],
                }
            },
            {
                "NAME": "web",
                "TYPE": "ClusterIP",
                "CLUSTER-IP": "10.96.0.7",
                "EXTERNAL-IP": "<none>",
                "PORT(S)": "80/TCP,443:30443/TCP",
                "AGE": "5m",
            },
        ),
        (
            "endpointslices.discovery.k8s.io",
            {
                "addressType": "IPv4",
                "ports": [{"port": 5000}],
                "endpoints": [{"addresses": [f"10.244.0.{n}"]} for n in range(5)],
            },
            {
                "NAME": "web",
                "ADDRESSTYPE": "IPv4",
                "PORTS": "5000",
                "ENDPOINTS": "10.244.0.0,10.244.0.1,10.244.0.2 + 2 more...",
                "AGE": "5m",
            },
        ),
        (
            "endpoints",
            {"subsets": [{"addresses": [{"ip": "10.244.0.1"}], "ports": [{"port": 80}]}]},
            {"NAME": "web", "ENDPOINTS": "10.244.0.1:80", "AGE": "5m"},
        ),
        ("namespaces", {"status": {"phase": "Active"}}, {"NAME": "web", "STATUS": "Active", "AGE": "5m"}),
        (
            "secrets",
            {"type": "Opaque", "data": {"a": ""}},
            {"NAME": "web", "TYPE": "Opaque", "DATA": 1, "AGE": "5m"},
        ),
        (
            "nodes",
            {
                "metadata": {**META, "labels": {"node-role.kubernetes.io/control-plane": ""}},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "nodeInfo": {"kubeletVersion": "v1.36.1"},
                },
            },
            {"NAME": "web", "STATUS": "Ready", "ROLES": "control-plane", "AGE": "5m", "VERSION": "v1.36.1"},
        ),
        (
            "events",
            {
                "lastTimestamp": "2026-01-31T11:59:00Z",
                "type": "Warning",
                "reason": "Failed",
                "involvedObject": {"kind": "Pod", "name": "web"},
                "message": "no image ",
            },
            {
                "LAST SEEN": "60s",
                "TYPE": "Warning",
                "REASON": "Failed",
                "OBJECT": "pod/web",
                "MESSAGE": "no image",
            },
        ),
        (
            "roles.rbac.authorization.k8s.io",
            {},
            {"NAME": "web", "CREATED AT": "2026-01-31T11:55:00Z"},
        ),
        (
            "rolebindings.rbac.authorization.k8s.io",
            {"roleRef": {"kind": "ClusterRole", "name": "view"}},
            {"NAME": "web", "ROLE": "ClusterRole/view", "AGE": "5m"},
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            {
                "spec": {
                    "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                    "minReplicas": 1,
                    "maxReplicas": 3,
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {
                                "name": "cpu",
                                "target": {"type": "Utilization", "averageUtilization": 80},
                            },
                        }
                    ],
                }
            },
            {
                "NAME": "web",
                "REFERENCE": "Deployment/web",
                "TARGETS": "cpu: <unknown>/80%",
                "MINPODS": "1",
                "MAXPODS": 3,
                "REPLICAS": 0,
                "AGE": "5m",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_reads_as_kubectl_shows_it(row, resource, parts, cells):
    assert row(resource, **parts) == cells


def test_every_column_of_every_kind_can_cope_with_an_empty_object(builtins):
    for kind in builtins.all():
        for column in kind.columns:
            column.cell({"metadata": {"name": "x"}}, NOW)
