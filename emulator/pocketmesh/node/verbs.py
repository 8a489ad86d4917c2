"""exec, attach, logs and port-forward: how the API server reaches into the node's containers.

Implements `api.runtime.PodRuntime`; the words of the refusals are the kubelet's
(pkg/kubelet/kubelet_pods.go, pkg/registry/core/pod/strategy.go).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

from pocketmesh.api.errors import ApiError, bad_request, internal
from pocketmesh.api.runtime import LogOptions, Streams
from pocketmesh.clock import rfc3339
from pocketmesh.node.console import Pipe, Sink
from pocketmesh.node.container import ContainerWorker
from pocketmesh.node.launch import NotExecutable, program
from pocketmesh.node.log import ContainerLog, Line
from pocketmesh.node.node import Node
from pocketmesh.node.pod import PodWorker
from pocketmesh.node.process import USUAL_SIZE, Container, Input, Invocation, NoInput
from pocketmesh.objects import annotations_of

DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


class PodVerbs:
    """The node's containers as the API server uses them."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], streams: Streams
    ) -> int:
        worker = self._running(namespace, pod, container)
        assert worker.container is not None
        stderr = streams.stdout if streams.tty else streams.stderr
        try:
            command = program(worker.container, argv[0])
        except NotExecutable as problem:
            # containerd's own words, inside those of the kubelet and of the API server
            raise internal(
                "Internal error occurred: error executing command in container: failed to exec in container: "
                f'failed to start exec "{secrets.token_hex(32)}": OCI runtime exec failed: exec failed: '
                f"unable to start container process: {problem}: unknown"
            ) from problem
        invocation = Invocation(
            argv=list(argv),
            container=worker.container,
            stdin=_input(streams),
            stdout=_Written(streams.stdout),
            stderr=_Written(stderr),
            env=worker.container.env,
            cwd=worker.container.cwd,
            tty=streams.tty,
            size=_Size(streams),
        )
        # A program outlives neither its client nor its container.
        running = asyncio.ensure_future(command(invocation))
        ended = asyncio.ensure_future(_ended(worker))
        try:
            await asyncio.wait((running, ended), return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else 137
        except ConnectionError:
            return 137
        finally:
            running.cancel()
            ended.cancel()

    async def attach(self, namespace: str, pod: str, container: str, streams: Streams) -> int:
        worker = self._running(namespace, pod, container)
        console = worker.console
        assert console is not None
        stderr = streams.stdout if streams.tty else streams.stderr
        detach = console.attach(streams.stdout, stderr)
        feeding = asyncio.ensure_future(
            _feed(_input(streams), console.stdin, once=bool(worker.spec.get("stdinOnce")))
        )
        try:
            await console.ended.wait()
        finally:
            feeding.cancel()
            detach()
        return 0  # how the program ended is in the pod's status alone

    def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        worker = self._container(namespace, pod, container)
        name = worker.spec["name"]
        log = worker.previous_log if options.previous else worker.log
        if log is None and options.previous:
            raise bad_request(f'previous terminated container "{name}" in pod "{pod}" not found')
        if log is None:
            reason = worker.state.state.get("waiting", {}).get("reason", "")
            if reason in ("ErrImagePull", "ImagePullBackOff"):
                reason = "trying and failing to pull image"
            raise bad_request(
                f'container "{name}" in pod "{pod}" is waiting to start: {reason or "not known"}'
            )
        return _read(log, options)

    async def dial(self, namespace: str, pod: str, port: int) -> socket.socket:
        worker = self._pod(namespace, pod)
        if not worker.ip:
            raise ConnectionRefusedError(f"pod {pod} does not run")
        return await self._node.machine.network.dial(self._node.machine.address, worker.ip, port)

    def container(self, namespace: str, pod: str, name: str = "") -> Container:
        """A running container, the pod's default one when none is named. Raises ApiError."""
        worker = self._running(namespace, pod, name)
        assert worker.container is not None
        return worker.container

    def _pod(self, namespace: str, pod: str) -> PodWorker:
        worker = self._node.worker(namespace, pod)
        if worker is None:
            raise ApiError(400, "BadRequest", f"pod {pod} does not have a host assigned")
        return worker

    def _container(self, namespace: str, pod: str, container: str) -> ContainerWorker:
        workers = self._pod(namespace, pod)
        wanted = (
            container or annotations_of(workers.pod).get(DEFAULT_CONTAINER) or workers.main[0].spec["name"]
        )
        for worker in workers.containers:
            if worker.spec["name"] == wanted:
                return worker
        raise bad_request(f"container {wanted} is not valid for pod {pod}")

    def _running(self, namespace: str, pod: str, container: str) -> ContainerWorker:
        worker = self._container(namespace, pod, container)
        if not worker.alive or worker.container is None:
            name = worker.spec["name"]
            raise ApiError(404, "NotFound", f'unable to upgrade connection: container not found ("{name}")')
        return worker


class _Written:
    """A client's stream as a program's output."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def write(self, data: bytes, /) -> None:
        await self._sink(data)


class _Size:
    """How large a client's terminal is."""

    def __init__(self, streams: Streams) -> None:
        self._resize = streams.resize
        self._latest = USUAL_SIZE

    def __call__(self) -> tuple[int, int]:
        while not self._resize.empty():
            self._latest = self._resize.get_nowait()
        return self._latest


def _input(streams: Streams) -> Input:
    return streams.stdin if streams.stdin is not None else NoInput()


async def _ended(worker: ContainerWorker) -> None:
    if worker.console is not None:
        await worker.console.ended.wait()


async def _feed(source: Input, pipe: Pipe, *, once: bool) -> None:
    while chunk := await source.read():
        pipe.feed(chunk)
    if once:
        pipe.close()


async def _read(log: ContainerLog, options: LogOptions) -> AsyncIterator[bytes]:
    kept = log.lines()
    chosen = [line for line in kept if options.since is None or line.time >= options.since]
    if options.tail_lines is not None:
        chosen = list(deque(chosen, maxlen=options.tail_lines))
    left = options.limit_bytes
    for line in chosen:
        data = _rendered(line, options)
        if left is not None:
            data = data[:left]
            left -= len(data)
        if data:
            yield data
        if left == 0:
            return
    if options.follow:
        async for line in log.follow(skip=len(kept)):
            yield _rendered(line, options)


def _rendered(line: Line, options: LogOptions) -> bytes:
    if not options.timestamps:
        return line.data
    return f"{rfc3339(line.time)[:-1]}.{line.time.microsecond * 1000:09d}Z ".encode() + line.data
