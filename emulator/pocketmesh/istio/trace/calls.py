"""`POST /pocketmesh/v1/trace`: a trace for whoever has a kubeconfig, with the text and the picture of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson

from pocketmesh.api.errors import ApiError, bad_request
from pocketmesh.api.server.server import ExtraCall
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.resources import PODS
from pocketmesh.istio.trace.picture import svg
from pocketmesh.istio.trace.report import text
from pocketmesh.istio.trace.sent import Request
from pocketmesh.istio.trace.tracer import trace
from pocketmesh.node.files import MemoryFiles
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.machine import Machine
from pocketmesh.node.process import Container
from pocketmesh.node.verbs import PodVerbs
from pocketmesh.objects import Object, name_of

HOST: Final = "host"


class TraceCalls:
    """Answers `{"namespace", "client", "url", "method", "headers"}` with `{"trace", "text", "svg"}`.

    `client` is a Pod, or the beginning of its name up to a dash, such as a Deployment's; without a namespace
    `host` is the machine outside the cluster, whose own address then means the node's.
    """

    def __init__(self, plane: DataPlane, machine: Machine, verbs: PodVerbs) -> None:
        self._plane = plane
        self._machine = machine
        self._verbs = verbs

    async def __call__(self, call: ExtraCall) -> Object:
        """Raises ApiError: 400 for a request that is none, 404 where there is no such pod."""
        try:
            asked = orjson.loads(call.body)
            namespace, client = asked["namespace"], asked["client"]
            request = Request(asked["url"], asked.get("method", "GET"), tuple(asked.get("headers", ())))
        except (ValueError, KeyError, TypeError) as error:
            raise bad_request("a trace wants namespace, client and url") from error
        try:
            found = await trace(self._plane, self._container(namespace, client), request)
        except ValueError as error:
            raise bad_request(str(error)) from error
        return {"trace": found.data(), "text": text(found), "svg": svg(found)}

    def _container(self, namespace: str, client: str) -> Container:
        if (namespace, client) == ("", HOST):
            return _host(self._machine)
        pod = _chosen(self._machine.client.all(PODS, namespace), client)
        if pod is None:
            raise ApiError(404, "NotFound", f'no running pod "{client}" in namespace "{namespace}"')
        return self._verbs.container(namespace, name_of(pod))


def _host(machine: Machine) -> Container:
    """The machine outside, to which the node's ports are its own."""
    log, files = ContainerLog(machine.clock), MemoryFiles()
    return Container({}, HOST, "", machine.address, HOST, {}, machine.network, log, {}, files)


def _chosen(pods: Iterable[Object], name: str) -> Object | None:
    """The pod of this name, else the first running one whose name begins with it."""
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    exact = [pod for pod in running if name_of(pod) == name]
    begun = sorted((pod for pod in running if name_of(pod).startswith(f"{name}-")), key=name_of)
    return next(iter([*exact, *begun]), None)
