"""A server on a free port, with the real registry and store behind it and an echo where the node would be."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import bad_request
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import LogOptions, Streams
from pocketmesh.api.server.access import Attributes
from pocketmesh.api.server.server import Extras, Server, serve
from pocketmesh.api.streams.spdy.frames import Data, Decoder, Encoder, Frame
from pocketmesh.clock import WallClock
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

WRITE = Write(Caller("test"))


class Everybody:
    """Lets everybody in."""

    def authenticate(self, headers: object, certificate: object) -> Caller:
        return Caller("test", ("system:masters",))

    def authorize(self, caller: Caller, attributes: Attributes) -> None:
        return


class Echo:
    """Containers whose programs say what they were asked."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
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


@dataclass
class Api:
    """What a test speaks to."""

    server: Server
    registry: Registry
    runtime: Echo
    session: aiohttp.ClientSession
    tls: ssl.SSLContext

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.server.port}{path}"

    def post(self, path: str, obj: Object) -> aiohttp.client._RequestContextManager:
        return self.session.post(self.url(path), json=obj)

    def get(self, path: str, **headers: str) -> aiohttp.client._RequestContextManager:
        return self.session.get(self.url(path), headers=headers)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("tls")
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return directory / "cert.pem", directory / "key.pem"


@pytest.fixture
async def api(tmp_path: Path, certificate: tuple[Path, Path]) -> AsyncIterator[Api]:
    registry = Registry(Store(tmp_path / "state"), Kinds(builtin_kinds()), WallClock())
    registry.create(registry.kinds.stored("namespaces"), "", {"metadata": {"name": "default"}}, WRITE)
    runtime = Echo()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    extras = Extras(documents={"/openid/v1/jwks": lambda: {"keys": []}})
    server = await serve(registry, Everybody(), runtime, tls=tls, extras=extras)
    trust = ssl.create_default_context(cafile=certificate[0])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        yield Api(server, registry, runtime, session, trust)
    await server.close()
    registry.store.close()


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
