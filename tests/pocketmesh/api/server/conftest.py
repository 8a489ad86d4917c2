"""A server on a free port, with the real registry and store behind it and an echo where the node would be."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import aiohttp
import pytest

from pocketmesh.api.auth.certificates import open_credentials
from pocketmesh.api.auth.gate import Gate
from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import bad_request
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import LogOptions, Streams
from pocketmesh.api.server.server import ExtraCall, Extras, Server, serve
from pocketmesh.api.streams.spdy.frames import Data, Decoder, Encoder, Frame
from pocketmesh.clock import WallClock
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

WRITE = Write(Caller("test"))


class Echo:
    """Containers whose programs say what they were asked."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.log_options: LogOptions | None = None
        self.log: asyncio.Queue[bytes] = asyncio.Queue()

    async def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], streams: Streams
    ) -> int:
        match list(argv):
            case ["cat"]:
                assert streams.stdin is not None
                while data := await streams.stdin.read(65536):
                    await streams.stdout(data)
            case ["exit", code]:
                await streams.stderr(b"no\n")
                return int(code)
            case ["size"]:
                columns, rows = await streams.resize.get()
                await streams.stdout(f"{columns}x{rows}\n".encode())
            case ["yes", size]:
                await streams.stdout(b"y" * int(size))
            case ["refuse"]:
                raise bad_request("the container is not running")
            case ["sleep"]:
                await streams.stdout(b"asleep\n")
                try:
                    await asyncio.Event().wait()
                finally:
                    self.stopped.set()
            case _:
                await streams.stdout(f"{namespace}/{pod}/{container}: {' '.join(argv)}\n".encode())
        return 0

    async def attach(self, namespace: str, pod: str, container: str, streams: Streams) -> int:
        await streams.stdout(b"attached\n")
        return 0

    def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.log_options = options
        if options.previous:
            raise bad_request(f'previous terminated container "{container}" in pod "{pod}" not found')
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        while line := await self.log.get():
            yield line

    async def dial(self, namespace: str, pod: str, port: int) -> socket.socket:
        if port != 80:
            raise ConnectionRefusedError(111, "Connection refused")
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=far)
        self._serving = asyncio.ensure_future(self._echo(reader, writer))
        return near

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        self.hung_up.set()


@dataclass
class Api:
    """What a test speaks to."""

    server: Server
    registry: Registry
    runtime: Echo
    session: aiohttp.ClientSession
    tls: ssl.SSLContext
    kept_events: ClassVar[int] = 50

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.server.port}{path}"

    def post(self, path: str, obj: Object) -> aiohttp.client._RequestContextManager:
        return self.session.post(self.url(path), json=obj)

    def get(self, path: str, **headers: str) -> aiohttp.client._RequestContextManager:
        return self.session.get(self.url(path), headers=headers)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the credentials of a cluster."""
    directory = tmp_path_factory.mktemp("pki")
    open_credentials(directory, WallClock())
    return directory


@pytest.fixture
async def api(tmp_path: Path, pki: Path) -> AsyncIterator[Api]:
    store = Store(tmp_path / "state", kept_events=Api.kept_events)
    registry = Registry(store, Kinds(builtin_kinds()), WallClock())
    registry.create(registry.kinds.stored("namespaces"), "", {"metadata": {"name": "default"}}, WRITE)
    runtime = Echo()
    credentials = open_credentials(pki, registry.clock)
    gate = Gate(credentials, registry)
    extras = Extras(gate.documents(), {"/extra/": mirror})
    server = await serve(registry, gate, runtime, tls=credentials.tls(), extras=extras)
    administrator = ssl.create_default_context(cafile=pki / "ca.crt")
    administrator.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=administrator)) as session:
        yield Api(server, registry, runtime, session, administrator)
    await server.close()
    store.close()


async def mirror(call: ExtraCall) -> Object:
    return {"method": call.method, "path": call.path, "user": call.caller.user, "body": call.body.decode()}


@pytest.fixture
def pod(api: Api) -> str:
    """The name of a pod with the containers `app` and `side`."""
    containers = [{"name": name, "image": "x"} for name in ("app", "side")]
    kind = api.registry.kinds.stored("pods")
    api.registry.create(
        kind, "default", {"metadata": {"name": "web"}, "spec": {"containers": containers}}, WRITE
    )
    return "web"


class SpdyClient:
    """The client's side of an upgraded connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self.head = head
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    def send(self, *frames: Frame) -> None:
        for frame in frames:
            self._writer.write(self._encoder.encode(frame))

    async def receive(self) -> Frame | None:
        while not self._frames:
            data = await self._reader.read(65536)
            if not data:
                return None
            self._frames.extend(self._decoder.feed(data))
        return self._frames.pop(0)

    async def until_closed(self, *streams: int) -> dict[int, bytes]:
        """What came on each stream until the server closed all of `streams`."""
        got: dict[int, bytes] = {}
        left = set(streams)
        while left and (frame := await self.receive()):
            if isinstance(frame, Data):
                got[frame.stream] = got.get(frame.stream, b"") + frame.payload
                if frame.fin:
                    left.discard(frame.stream)
        return got

    def close(self) -> None:
        self._writer.close()


SpdyDial = Callable[[str, str], Awaitable[SpdyClient]]


@pytest.fixture
async def spdy(api: Api) -> AsyncIterator[SpdyDial]:
    """Opens SPDY connections: spdy(path, stream protocols)."""
    opened: list[SpdyClient] = []

    async def dial(path: str, protocols: str) -> SpdyClient:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port, ssl=api.tls)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            f"X-Stream-Protocol-Version: {protocols}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        opened.append(SpdyClient(reader, writer, head))
        return opened[-1]

    yield dial
    for client in opened:
        client.close()
