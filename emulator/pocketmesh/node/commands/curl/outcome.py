"""What comes of one URL: body and headers on their way to a stream or a file, and -v's lines between them."""

from __future__ import annotations

import os
from time import perf_counter
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import pycurl

from pocketmesh.node.commands.curl import report
from pocketmesh.node.commands.curl.connections import Connections, Failed, port_of
from pocketmesh.node.commands.curl.options import Options
from pocketmesh.node.commands.curl.request import version
from pocketmesh.node.commands.curl.transfer import Transfers
from pocketmesh.node.process import Invocation

_UNWRITTEN: Final = 23


class Outcome:
    """What comes of one URL, and where it is printed."""

    def __init__(self, invocation: Invocation, options: Options, target: str | None, url: str) -> None:
        self._invocation = invocation
        self._options = options
        self._path = _path(invocation, target, url)
        self._kept = bytearray()
        self._head = bytearray()
        self._dump = options.last("dump-header")
        self._dumped = bytearray()
        self._trace = bytearray()
        self._dropping = False
        self._follow = False
        self._status = 0
        self._persistent = False
        self._local_port = 0
        self._begun = perf_counter()
        self.headers: dict[str, str] = {}
        self.values = report.empty(url, version())

    def listen(self, handle: Any, transfers: Transfers, local_port: int, *, follow: bool) -> None:
        """Has libcurl tell what it receives, and says whether a redirect's body is to be dropped."""
        self._follow = follow
        self._local_port = local_port
        self.headers = {}
        handle.setopt(pycurl.WRITEFUNCTION, transfers.received)
        handle.setopt(pycurl.HEADERFUNCTION, self._header)
        if self._options.on("verbose"):
            handle.setopt(pycurl.VERBOSE, 1)
            handle.setopt(pycurl.DEBUGFUNCTION, self._debug)

    def _header(self, line: bytes) -> None:
        if line.startswith(b"HTTP/"):
            self.headers = {}
            self._persistent = not line.startswith(b"HTTP/1.0")
            status = line.split()[1:2]
            self._status = int(status[0]) if status and status[0].isdigit() else 0
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self.headers.setdefault(name.strip().lower(), value.strip())
        self._dropping = self._follow and 300 <= self._status < 400 and "location" in self.headers
        if self._options.on("show-headers") or self._options.on("head"):
            self._head += line
        if self._dump:
            self._dumped += line

    @property
    def keeps_connection(self) -> bool:
        """Whether the server leaves the connection open for another request."""
        return self._persistent and self.headers.get("connection", "").lower() != "close"

    def _debug(self, kind: int, data: bytes) -> None:
        self._trace += report.traced(kind, data, self._invocation.container.ip, self._local_port)

    async def note(self, text: str) -> None:
        """A line of -v."""
        if self._options.on("verbose"):
            await self._invocation.stderr.write(f"* {text}\n".encode())

    async def tried(self, url: SplitResult, address: str) -> None:
        """What -v tells of a connection that did not come about."""
        host, port = url.hostname, port_of(url)
        if not address:
            await self.note(f"Could not resolve host: {host}")
            return
        await self.note(f"Host {host}:{port} was resolved.")
        await self.note("IPv6: (none)")
        await self.note(f"IPv4: {address}")
        await self.note(f"  Trying {address}:{port}...")
        await self.note("closing connection #0")

    async def body(self, data: bytes) -> None:
        """A piece of the response's body."""
        if self._dropping:
            data = b""
        self.values["size_download"] += float(len(data))
        await self._print(data)

    async def flush(self) -> None:
        """Prints what has come before the body."""
        await self._print(b"")

    async def _print(self, body: bytes) -> None:
        """What goes to one stream is written at once: each write is a turn of the shell around."""
        if self._trace:
            trace, self._trace = bytes(self._trace), bytearray()
            await self._invocation.stderr.write(trace)
        shown = b""
        if self._dump == "-":
            shown, self._dumped = bytes(self._dumped), bytearray()
        received, self._head = bytes(self._head + body), bytearray()
        if self._path == "-":
            shown += received
        else:
            self._kept += received
        if shown:
            await self._invocation.stdout.write(shown)

    def take(self, handle: Any, connections: Connections, begun: float) -> None:
        """Takes over what libcurl knows of the transfer."""
        offset = connections.connected_after
        self.values |= report.measured(handle, offset, perf_counter() - begun)
        self.values |= {
            "remote_ip": connections.address,
            "local_ip": self._invocation.container.ip,
            "local_port": connections.local_port,
            "time_namelookup": connections.resolved_after,
            "num_headers": len(self.headers),
        }

    async def finish(self) -> None:
        """Writes the files of -o and -D, and the progress meter that curl shows when it writes to a pipe.

        Raises Failed when a file cannot be written.
        """
        await self.flush()
        await self._write(self._path, self._kept)
        if self._dump:
            await self._write(_file(self._invocation, self._dump), self._dumped)
        quiet = self._options.on("silent") or self._options.switches.get("progress-meter") is False
        if not quiet and not (self._invocation.tty and self._path == "-"):
            size = int(self.values["size_download"])
            await self._invocation.stderr.write(report.progress(size, perf_counter() - self._begun).encode())

    async def _write(self, path: str, content: bytearray) -> None:
        if path in ("-", "/dev/null"):
            return
        try:
            self._invocation.container.files.write(path, bytes(content))
        except OSError as error:
            if not self._options.on("silent"):
                warning = f"Warning: Failed to open the file {path}: {error.strerror}\n"
                await self._invocation.stderr.write(warning.encode())
            message = f"client returned ERROR on write, {len(content)} bytes was not written"
            raise Failed(_UNWRITTEN, message) from error


def _path(invocation: Invocation, target: str | None, url: str) -> str:
    """Where the body goes: "-" is standard output, otherwise an absolute path."""
    if target is None:
        target = urlsplit(url).path.rpartition("/")[2] or "curl_response"
    return _file(invocation, target)


def _file(invocation: Invocation, target: str) -> str:
    return target if target == "-" else os.path.join(invocation.cwd, target)
