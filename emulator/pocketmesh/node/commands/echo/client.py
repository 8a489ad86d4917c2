"""`client`, the program that makes requests to echo servers and prints what they answer.

Upstream: istio/istio pkg/test/echo/cmd/client/main.go and server/forwarder. Requests are made one after the
other on one connection; upstream makes several at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Final
from urllib.parse import urljoin, urlsplit

from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.commands.dialling import dial
from pocketmesh.node.commands.echo import grpc
from pocketmesh.node.commands.echo.calls import Caller, Response
from pocketmesh.node.commands.echo.flags import Flags, WrongUsage, parse
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import Container, Invocation

_VALUED: Final = ("count", "header", "method", "msg", "timeout")
_SWITCHES: Final = ("follow-redirects", "http2")
_SHORT: Final = {"H": "header", "L": "follow-redirects"}
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_REDIRECTS: Final = 10
_FAILED: Final = 255  # os.Exit(-1)


class Unsuccessful(Exception):
    """A request without an answer; the message is the program's."""


async def client(invocation: Invocation) -> int:
    """`client [--count=N] [--method=M] [-H NAME:VALUE]… URL`."""
    try:
        flags = parse(invocation.argv[1:], valued=_VALUED, switches=_SWITCHES, short=_SHORT)
        count = flags.number("count", 1)
        headers = [_header(header) for header in flags.all("header")]
        if len(flags.plain) != 1:
            raise WrongUsage(f"accepts 1 arg(s), received {len(flags.plain)}")
    except WrongUsage as wrong:
        await invocation.stderr.write(f"Error: {wrong}\n".encode())
        return _FAILED
    url = flags.plain[0] if "://" in flags.plain[0] else f"http://{flags.plain[0]}"
    try:
        async for text in _responses(invocation.container, url, flags, headers, count):
            await invocation.stdout.write(text.encode())
    except Unsuccessful as failed:
        text = f"Error 1/{count} requests had errors; first error: {failed}\n"
        await invocation.stderr.write(text.encode())
        return _FAILED
    await invocation.stderr.write(b"All requests succeeded\n")
    return 0


async def _responses(
    container: Container, url: str, flags: Flags, headers: list[tuple[str, str]], count: int
) -> AsyncIterator[str]:
    scheme = urlsplit(url).scheme
    caller = Caller(container)
    try:
        for number in range(count):
            begun = perf_counter()
            if scheme in ("http", "https"):
                head, found, body = await _http(caller, number, url, flags, headers)
            elif scheme == "grpc":
                head, found, body = await _grpc(caller, number, url, flags, headers)
            elif scheme == "tcp":
                head, found, body = await _tcp(container, url, flags)
            else:
                raise Unsuccessful(f"unrecognized protocol {scheme!r}")
            latency = f"Latency={(perf_counter() - begun) * 1000:.3f}ms"
            lines = [f"[{number}] {line}" for line in (*head, latency, "ActiveRequests=1", *found)]
            lines += [f"[{number} body] {line}" for line in body.split("\n") if line]
            yield "\n".join(lines) + "\n\n"
    finally:
        caller.close()


async def _http(
    caller: Caller, number: int, url: str, flags: Flags, headers: list[tuple[str, str]]
) -> tuple[list[str], list[str], str]:
    method = flags.last("method") or "GET"
    head = [f"Url={url}", *(f"Header={name}:{value}" for name, value in headers)]
    sent = [*headers, ("X-Request-Id", str(number))]
    for _ in range(_MOST_REDIRECTS + 1):
        response = await _called(caller, method, url, sent, http2=flags.on("http2"), seconds=_timeout(flags))
        location = response.value("location")
        if not (flags.on("follow-redirects") and response.status in _REDIRECTS and location):
            break
        url = urljoin(url, location)
    else:
        raise Unsuccessful(f'{method.title()} "{url}": stopped after {_MOST_REDIRECTS} redirects')
    found = [f"StatusCode={response.status}"]
    fields = sorted((name.title(), value) for name, value in response.fields)
    found += [f"ResponseHeader={name}:{value}" for name, value in fields]
    return head, found, response.body.decode(errors="replace")


async def _grpc(
    caller: Caller, number: int, url: str, flags: Flags, headers: list[tuple[str, str]]
) -> tuple[list[str], list[str], str]:
    message = flags.last("msg", "HelloWorld")
    sent = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "grpc-go/1.62.1"),
        *headers,
        ("x-request-id", str(number)),
    ]
    target = f"http://{urlsplit(url).netloc}{grpc.ECHO}"
    response = await _called(
        caller, "POST", target, sent, body=grpc.encode(message), http2=True, seconds=_timeout(flags)
    )
    status = response.value("grpc-status")
    code = int(status) if status.isdecimal() else grpc.code_of_http(response.status)
    if code:
        name = grpc.CODES.get(code, f"Code({code})")
        why = response.value("grpc-message") or f"unexpected HTTP status code {response.status}"
        raise Unsuccessful(f"rpc error: code = {name} desc = {why}")
    ends = {"grpc-status", "grpc-message"}
    fields = [f"ResponseHeader={name}:{value}" for name, value in response.fields if name not in ends]
    return [f"grpcecho.Echo({message})"], fields, grpc.decode(bytes(response.body))


async def _tcp(container: Container, url: str, flags: Flags) -> tuple[list[str], list[str], str]:
    parts = urlsplit(url)
    message = flags.last("msg", "HelloWorld")
    try:
        async with asyncio.timeout(_timeout(flags)):
            ip = addresses(container, parts.hostname or "")[0]
            reader, writer = await asyncio.open_connection(sock=await dial(container, ip, parts.port or 0))
            try:
                writer.write(f"{message}\n".encode())
                data = await reader.readuntil(f"{message}\n".encode())
            finally:
                writer.close()
    except (OSError, NameNotFound, asyncio.IncompleteReadError) as error:
        raise Unsuccessful(f"dial tcp {parts.netloc}: {error}") from None
    return [f"Url={url}", f"Echo={message}"], [], data.decode(errors="replace")


async def _called(
    caller: Caller, method: str, url: str, headers: list[tuple[str, str]], **more: object
) -> Response:
    try:
        return await caller.call(url, method, headers, **more)  # type: ignore[arg-type]
    except Failed as failure:
        raise Unsuccessful(f'{method.title()} "{url}": {failure.message}') from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise WrongUsage(f'invalid header format: "{text}" (want name:value)')
    return name, value.strip()


def _timeout(flags: Flags) -> float:
    """`--timeout`, of the forms 5s and 500ms."""
    text = flags.last("timeout", "5s")
    factor, number = (0.001, text[:-2]) if text.endswith("ms") else (1.0, text.removesuffix("s"))
    try:
        return float(number) * factor
    except ValueError:
        raise WrongUsage(f'invalid argument "{text}" for "--timeout" flag') from None
