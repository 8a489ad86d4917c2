"""A small town: pods, Services and a waypoint on a real fabric, with a real Envoy where one is asked for."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio

from pocketmesh.clock import WallClock
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.envoy.agent import PilotAgent
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.outside import Outside
from pocketmesh.node.files import MemoryFiles, MountedFiles
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.process import Container, Invocation, NoInput
from pocketmesh.store import Key, Store

RESOURCES = {
    "Namespace": "namespaces",
    "Pod": "pods",
    "Service": "services",
    "EndpointSlice": "endpointslices.discovery.k8s.io",
    "ConfigMap": "configmaps",
    "Gateway": "gateways.gateway.networking.k8s.io",
    "GatewayClass": "gatewayclasses.gateway.networking.k8s.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "GRPCRoute": "grpcroutes.gateway.networking.k8s.io",
    "ServiceEntry": "serviceentries.networking.istio.io",
    "WorkloadEntry": "workloadentries.networking.istio.io",
    "TLSRoute": "tlsroutes.gateway.networking.k8s.io",
    "TCPRoute": "tcproutes.gateway.networking.k8s.io",
    "VirtualService": "virtualservices.networking.istio.io",
    "BackendTLSPolicy": "backendtlspolicies.gateway.networking.k8s.io",
    "DestinationRule": "destinationrules.networking.istio.io",
    "AuthorizationPolicy": "authorizationpolicies.security.istio.io",
    "ReferenceGrant": "referencegrants.gateway.networking.k8s.io",
    "Secret": "secrets",
    "PeerAuthentication": "peerauthentications.security.istio.io",
    "Telemetry": "telemetries.telemetry.istio.io",
    "EnvoyFilter": "envoyfilters.networking.istio.io",
    "WasmPlugin": "wasmplugins.extensions.istio.io",
    "TrafficExtension": "trafficextensions.extensions.istio.io",
    "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "RequestAuthentication": "requestauthentications.security.istio.io",
}
Object = dict[str, Any]


class Hello(asyncio.Protocol):
    """Answers every request with who it is and with the request's head, or not at all: `/slow`; or with a
    code of its own: `/status/503`."""

    def __init__(self, name: str, seen: list[bytes]) -> None:
        self.name = name
        self.seen = seen
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            self.seen.append(head)
            if b"/slow" in head:
                continue
            body = f"Hello from {self.name}\n".encode() + head + b"\r\n"
            path = head.split()[1]
            status = path.removeprefix(b"/status/") if path.startswith(b"/status/") else b"200"
            self.transport.write(
                b"HTTP/1.1 %s X\r\ncontent-length: %d\r\ncontent-type: text/plain\r\n\r\n%s"
                % (status, len(body), body)
            )


class Into:
    """A program's output that ends up in a log."""

    def __init__(self, log: ContainerLog) -> None:
        self.log = log

    async def write(self, data: bytes, /) -> None:
        self.log.write(data)


class Answer:
    """An HTTP response."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.decode().partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def instance(self) -> str:
        """Which pod answered."""
        return self.body.partition("\n")[0].removeprefix("Hello from ")

    @property
    def request(self) -> dict[str, str]:
        """The request's headers as the application saw them."""
        lines = self.body.split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def path(self) -> str:
        """The path that the application saw."""
        return self.body.split("\n")[1].split()[1]


class Town:
    def __init__(self, directory: Path, run: Path) -> None:
        self.store = Store(directory)
        self.clock = WallClock()
        self.fabric = Fabric(self.store, outside=Outside(self.clock))
        self.runtime = Runtime(self.store, self.clock)
        self.plane = DataPlane(self.store, self.fabric, self.clock, run)
        self.log = ContainerLog(self.clock)
        self.seen: defaultdict[str, list[bytes]] = defaultdict(list)
        self.ips: dict[str, str] = {}
        self.vips: dict[str, str] = {}
        self.tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self.runtime.run())]
        self.agents: dict[str, asyncio.Task[int]] = {}
        self.logs: dict[str, ContainerLog] = {}
        self.files: defaultdict[str, MemoryFiles] = defaultdict(MemoryFiles)
        self.runtime.add(self.plane)
        self.plane.start(self.log)

    async def close(self) -> None:
        for task in [*self.agents.values(), *self.tasks]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.plane.close()
        self.runtime.close()
        self.fabric.close()
        self.store.close()

    def put(self, *objects: Object) -> None:
        for obj in objects:
            meta = obj["metadata"]
            key = Key(RESOURCES[obj["kind"]], meta.get("namespace", ""), meta["name"])
            if self.store.get(key) is None:
                self.store.create(key, obj)
            else:
                self.store.update(key, obj)

    def drop(self, kind: str, name: str, namespace: str = "shop") -> None:
        self.store.delete(Key(RESOURCES[kind], namespace, name))

    def namespace(self, name: str, **labels: str) -> None:
        self.put({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def pod(
        self,
        name: str,
        namespace: str = "shop",
        *,
        enrolled: bool = True,
        labels: Object | None = None,
        listening: bool = True,
        ports: list[int] | None = None,
        annotations: Object | None = None,
    ) -> str:
        declared = [{"containerPort": number} for number in ports or []]
        pod: Object = {
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{name}",
                "labels": labels or {"app": name},
                "annotations": {
                    **({"ambient.istio.io/redirection": "enabled"} if enrolled else {}),
                    **(annotations or {}),
                },
            },
            "spec": {
                "serviceAccountName": f"{name}-account",
                "containers": [{"name": "app", "ports": declared}],
            },
        }
        ip = self.ips[name] = self.fabric.attach(pod)
        ready = [{"type": "Ready", "status": "True"}]
        self.put({**pod, "status": {"phase": "Running", "podIP": ip, "conditions": ready}})
        if listening:
            self.fabric.listen(ip, 5000, lambda: Hello(name, self.seen[name]))
        return ip

    def service(
        self, name: str, *pods: str, port: Object | None = None, target: int = 5000, **labels: str
    ) -> None:
        vip = self.vips.setdefault(name, f"10.96.0.{20 + len(self.vips)}")
        port = port or {"name": "http", "port": 5000}
        meta = {"name": name, "namespace": "shop"}
        service = {"clusterIP": vip, "ports": [port]}
        self.put({"kind": "Service", "metadata": {**meta, "labels": labels}, "spec": service})
        self.put(
            {
                "kind": "EndpointSlice",
                "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"name": port.get("name", ""), "port": target}],
                "endpoints": [
                    {"addresses": [self.ips[pod]], "targetRef": {"kind": "Pod", "name": pod}} for pod in pods
                ],
            }
        )

    async def waypoint(self, name: str = "waypoint", kind: str = "service") -> None:
        ip = self.pod(f"{name}-1", enrolled=False, listening=False, labels=self.gateway_label(name))
        self.service(name, f"{name}-1", port={"name": "mesh", "port": 15008}, target=15008)
        self.put(
            {
                "kind": "Gateway",
                "metadata": {"name": name, "namespace": "shop", "labels": {"istio.io/waypoint-for": kind}},
                "spec": {"gatewayClassName": "istio-waypoint"},
                "status": {"addresses": [{"type": "IPAddress", "value": self.vips[name]}]},
            }
        )
        self.start_agent(f"{name}-1")
        await self.until(lambda: self.answers(ip), 30)

    @staticmethod
    def gateway_label(name: str) -> Object:
        return {"gateway.networking.k8s.io/gateway-name": name}

    async def gateway(self, *listeners: Object, name: str = "gw") -> None:
        """A Gateway of class `istio` whose pod answers on the ports of its listeners."""
        ip = self.pod(f"{name}-1", enrolled=False, listening=False, labels=self.gateway_label(name))
        self.listeners(*listeners, name=name)
        self.start_agent(f"{name}-1", "router")
        await self.until(lambda: self.answers(ip), 30)

    def listeners(self, *listeners: Object, name: str = "gw") -> None:
        spec = {"gatewayClassName": "istio", "listeners": list(listeners)}
        self.put({"kind": "Gateway", "metadata": {"name": name, "namespace": "shop"}, "spec": spec})

    def start_agent(self, pod: str, kind: str = "waypoint") -> None:
        container = self.container(pod)
        log = self.logs[pod] = container.log
        argv = ["pilot-agent", "proxy", kind]
        agent = PilotAgent(self.plane)
        self.agents[pod] = asyncio.ensure_future(
            agent(Invocation(argv, container, NoInput(), Into(log), Into(log)))
        )

    async def agent(self, pod: str, *words: str) -> tuple[int, str]:
        """What `pilot-agent`, called in a waypoint's pod, ends with and prints."""
        container = self.container(pod)
        out = Into(container.log)
        code = await PilotAgent(self.plane)(
            Invocation(["pilot-agent", *words], container, NoInput(), out, out)
        )
        return code, "".join(line.data.decode() for line in container.log.lines())

    def container(self, pod: str, namespace: str = "shop") -> Container:
        stored = self.store.get(Key("pods", namespace, pod))
        assert stored is not None
        log = ContainerLog(self.clock)
        ip = self.ips[pod]
        return Container(
            stored.object, "main", "none", ip, pod, {}, self.fabric, log, {}, MountedFiles(self.files[pod])
        )

    async def answers(self, ip: str) -> bool:
        try:
            return (await self.request("10.244.0.1", ip, 15021, "/healthz/ready")).status == 200
        except OSError:
            return False

    @staticmethod
    async def until(condition: Callable[[], Awaitable[bool]], deadline: float = 10.0) -> None:
        async with asyncio.timeout(deadline):
            while not await condition():
                await asyncio.sleep(0.002)

    async def get(
        self, source: str, service: str, path: str = "/hello", port: int = 5000, **headers: str
    ) -> Answer:
        ip = self.vips.get(service) or self.ips.get(service, service)
        return await self.request(self.ips[source], ip, port, path, **headers)

    async def visit(self, source: str, url: str, method: str = "GET") -> Answer:
        """A request to a URL whose host is looked up as the pod would. Raises NameNotFound."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        ip = self.fabric.resolve(self.ips[source], "shop", host)[0]
        return await self.request(self.ips[source], ip, parts.port or 80, parts.path, method, host=host)

    async def request(
        self,
        source_ip: str,
        ip: str,
        port: int,
        path: str,
        method: str = "GET",
        *,
        host: str = "town",
        body: str = "",
        **headers: str,
    ) -> Answer:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        sock = await self.fabric.dial(source_ip, ip, port)
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n{body}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b"transfer-encoding" in head.lower():
                raise AssertionError("chunked")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
            answered = await reader.readexactly(int(length[0].split()[1])) if length else b""
            return Answer(head + answered)
        finally:
            writer.close()

    def lines(self, *words: str) -> list[str]:
        """ztunnel's log lines that have all these words."""
        lines = [line.data.decode() for line in self.log.lines()]
        return [line for line in lines if all(word in line for word in words)]


async def make(tmp: Path) -> AsyncIterator[Town]:
    with tempfile.TemporaryDirectory(prefix="pm-") as run:
        town = Town(tmp, Path(run))
        town.put(
            {
                "kind": "GatewayClass",
                "metadata": {"name": "istio-waypoint"},
                "spec": {"controllerName": "istio.io/mesh-controller"},
            }
        )
        town.namespace("istio-system")
        town.namespace("shop")
        town.namespace("other")
        try:
            yield town
        finally:
            await town.close()


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for town in make(tmp_path):
        yield town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_town(tmp_path_factory: Any) -> AsyncIterator[Town]:
    """One town, with a waypoint, for all tests of a module."""
    async for town in make(tmp_path_factory.mktemp("town")):
        for name in ("client", "v1", "v2"):
            town.pod(name)
        town.pod("outsider", "other", enrolled=False)
        town.service("hello", "v1", "v2", **{"istio.io/use-waypoint": "waypoint"})
        town.service("hello-v1", "v1")
        town.service("hello-v2", "v2")
        await town.waypoint()
        await town.plane.settled()
        yield town
