"""A shop in the mesh and the words that tests of istioctl share: of the real one and of the stand-in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

DEADLINE = 60.0


class Kubectl(Protocol):
    """kubectl, which ends with this exit code; returns what was printed."""

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> str: ...


def open_shop(kubectl: Kubectl) -> None:
    """A Service helloworld and a pod client in the namespace shop, which is in the mesh."""
    kubectl("apply", "-f", "-", stdin=SHOP)
    kubectl("-n", "shop", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=30s")


def hello(kubectl: Kubectl) -> str:
    """What the shop's client is answered, with the headers."""
    curl = ("curl", "-sS", "-m", "5", "-i", "helloworld:5000/hello")
    return kubectl("-n", "shop", "exec", "client", "--", *curl)


def pod_of(kubectl: Kubectl, namespace: str, selector: str) -> str:
    """The name of the one pod."""
    found = kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", "name")
    return found.strip().removeprefix("pod/")


def rows(table: str) -> list[list[str]]:
    """The cells of a table, without its first line."""
    return [line.split() for line in table.strip().splitlines()[1:]]


def eventually(holds: Callable[[], bool]) -> None:
    """Waits for something that the cluster does."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: helloworld, namespace: shop}
spec:
  selector: {matchLabels: {app: helloworld}}
  template:
    metadata: {labels: {app: helloworld, version: v1}}
    spec:
      containers:
      - name: helloworld
        image: registry.istio.io/release/examples-helloworld-v1:1.0
        ports: [{containerPort: 5000}]
---
apiVersion: v1
kind: Service
metadata: {name: helloworld, namespace: shop}
spec:
  selector: {app: helloworld}
  ports: [{name: http, port: 5000}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: curl
    image: docker.io/curlimages/curl:8.16.0
    command: [/bin/sleep, infinity]
"""
