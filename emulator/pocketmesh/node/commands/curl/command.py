"""The command `curl`: URLs one after the other, redirects, retries, and what is printed meanwhile.

Redirects are followed here and not by libcurl, because libcurl may only be given URLs whose host has
been resolved in the emulated network.
"""

from __future__ import annotations

import asyncio
import os
from time import perf_counter
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import pycurl

from pocketmesh.node.commands.curl import report
from pocketmesh.node.commands.curl.connections import TIMED_OUT, Connections, Failed
from pocketmesh.node.commands.curl.globbing import expand, file_name
from pocketmesh.node.commands.curl.options import HINT, USAGE, Options, WrongUsage, parse
from pocketmesh.node.commands.curl.outcome import Outcome
from pocketmesh.node.commands.curl.request import Request, first_request, redirected, set_up, version
from pocketmesh.node.commands.curl.transfer import Transfers
from pocketmesh.node.commands.curl.writeout import rendered
from pocketmesh.node.process import BUNDLE, Invocation

_RETRIED_STATUS: Final = (408, 429, 500, 502, 503, 504)
_RETRIED_CODES: Final = (TIMED_OUT, 6)
_TOO_MANY_REDIRECTS: Final = 47
_BAD_URL: Final = 3
_UNSUPPORTED: Final = 1
_HTTP_ERROR: Final = 22


async def curl(invocation: Invocation) -> int:
    """Runs one command line."""
    try:
        options = parse(invocation.argv[1:])
        if not options.urls and not {"-V", "--version", "-h", "--help"} & set(invocation.argv):
            raise WrongUsage("(2) no URL specified")
    except WrongUsage as problem:
        if {"-V", "--version"} & set(invocation.argv):
            await invocation.stdout.write(report.version_text(version()).encode())
            return 0
        if {"-h", "--help"} & set(invocation.argv):
            await invocation.stdout.write(b"Usage: curl [options...] <url>\n")
            return 0
        await invocation.stderr.write(f"curl: {problem}\n{HINT}\n".encode())
        return USAGE
    command = Command(invocation, options)
    try:
        return await command.run()
    finally:
        command.close()


class Command:
    """One curl with its connections."""

    def __init__(self, invocation: Invocation, options: Options) -> None:
        self._invocation = invocation
        self._options = options
        self._transfers = Transfers()
        self._stdin: bytes | None = None
        self._connections: Connections | None = None

    def close(self) -> None:
        """Drops every connection."""
        self._transfers.close()
        if self._connections is not None:
            self._connections.close()

    async def run(self) -> int:
        """All URLs; the exit code is that of the last one, as in curl."""
        options, code = self._options, 0
        if any(argument == "@-" for _, argument in options.data):
            self._stdin = await _everything(self._invocation)
        try:
            container = self._invocation.container
            self._connections = Connections(container, options.all("resolve"), options.all("connect-to"))
        except Failed as failure:
            return await self._complain(failure)
        for index, pattern in enumerate(options.urls):
            target = options.outputs[index] if index < len(options.outputs) else "-"
            urls = [(pattern, ())] if options.on("globoff") else expand(pattern)
            for url, chosen in urls:
                name = target if target is None else file_name(target, chosen)
                code = await self._url(url, name)
                if code and options.on("fail-early"):
                    return code
        return code

    async def _url(self, url: str, target: str | None) -> int:
        options, tries = self._options, int(self._options.number("retry"))
        pause = options.number("retry-delay")
        begun, delay = perf_counter(), pause or 1.0
        while True:
            code, status = await self._once(url, target)
            limit = options.number("retry-max-time")
            if not tries or not self._worth_retrying(code, status):
                return code
            if limit and perf_counter() - begun + delay > limit:
                return code
            words = f"Problem: {report.trouble(code, status)}. Will retry in {delay:.3f} seconds. "
            if not options.on("silent") or options.on("show-error"):
                left = f"{tries} {'retry' if tries == 1 else 'retries'} left."
                await self._invocation.stderr.write(f"Warning: {words}{left}\n".encode())
            await asyncio.sleep(delay)
            tries, delay = tries - 1, pause or min(delay * 2, 600.0)

    def _worth_retrying(self, code: int, status: int) -> bool:
        if self._options.on("retry-all-errors"):
            return bool(code) or status >= 400
        if code == 7:
            return self._options.on("retry-connrefused")
        return code in _RETRIED_CODES or (code in (0, _HTTP_ERROR) and status in _RETRIED_STATUS)

    async def _once(self, url: str, target: str | None) -> tuple[int, int]:
        outcome = Outcome(self._invocation, self._options, target, url)
        failure: Failed | None = None
        try:
            await self._follow(url, outcome)
        except Failed as problem:
            failure = problem
        try:
            await outcome.finish()
        except Failed as problem:
            failure = failure or problem
        if failure is not None:
            outcome.values |= {"exitcode": failure.code, "errormsg": failure.message}
            await self._complain(failure)
        template = self._options.last("write-out")
        if template.startswith("@"):
            template = self._read(template[1:]).decode(errors="replace")
        if template:
            out, err, complaints = rendered(template, outcome.values, outcome.headers)
            await self._invocation.stdout.write(out.encode())
            if err or complaints:
                await self._invocation.stderr.write((complaints + err).encode())
        return (failure.code if failure else 0), outcome.values["response_code"]

    async def _follow(self, url: str, outcome: Outcome) -> None:
        """One URL with its redirects. Raises Failed."""
        options = self._options
        most = int(options.number("max-redirs", 50))
        request = first_request(options, _completed(url), self._read)
        deadline = perf_counter() + options.number("max-time") if options.number("max-time") else None
        begun = perf_counter()
        while True:
            location = await self._transfer(request, outcome, deadline, begun)
            if location is None:
                return
            outcome.values["num_redirects"] += 1
            if outcome.values["num_redirects"] > most >= 0:
                raise Failed(_TOO_MANY_REDIRECTS, f"Maximum ({most}) redirects followed")
            await outcome.note(f"Issue another request to this URL: '{location}'")
            status = outcome.values["response_code"]
            request = redirected(request, status, location, fixed_method=options.last("request"))

    async def _transfer(
        self, request: Request, outcome: Outcome, deadline: float | None, begun: float
    ) -> str | None:
        """One request and its response; returns where it redirects to when that is followed."""
        url, handle = _parsed(request.url), self._transfers.handle
        assert self._connections is not None
        again = False
        while True:
            left = None if deadline is None else deadline - perf_counter()
            set_up(handle, self._options, request, self._read, self._trusted())
            local_port = self._connections.local_port
            outcome.listen(handle, self._transfers, local_port, follow=self._options.on("location"))
            await self._connect(url, outcome, left, again=again)
            handle.setopt(pycurl.OPENSOCKETFUNCTION, self._connections.open)
            handle.setopt(pycurl.SOCKOPTFUNCTION, _already_connected)
            if deadline is not None:
                handle.setopt(pycurl.TIMEOUT_MS, max(1, int((deadline - perf_counter()) * 1000)))
            code, message = await self._transfers.perform(outcome.body)
            if self._connections.missed and not again:
                again = True  # the connection it had kept is gone: once more on a new one
                continue
            break
        self._connections.keep(url, not code and outcome.keeps_connection)
        outcome.take(handle, self._connections, begun)
        await outcome.flush()
        if code:
            raise Failed(code, message or report.meaning(code))
        status = outcome.values["response_code"]
        if self._options.on("fail-with-body") and status >= 400:
            raise Failed(_HTTP_ERROR, f"The requested URL returned error: {status}")
        location: str | None = handle.getinfo(pycurl.REDIRECT_URL)
        return location if location and self._options.on("location") else None

    async def _connect(self, url: SplitResult, outcome: Outcome, left: float | None, *, again: bool) -> None:
        assert self._connections is not None
        if left is not None and left <= 0:
            spent = int(self._options.number("max-time") * 1000)
            raise Failed(TIMED_OUT, f"Operation timed out after {spent} milliseconds with 0 bytes received")
        limits = [limit for limit in (left, self._options.number("connect-timeout") or None) if limit]
        try:
            entry = await self._connections.prepare(url, min(limits, default=0.0), again=again)
        except Failed:
            await outcome.tried(url, self._connections.address)
            raise
        self._transfers.handle.setopt(pycurl.RESOLVE, [entry])

    async def _complain(self, failure: Failed) -> int:
        if not self._options.on("silent") or self._options.on("show-error"):
            await self._invocation.stderr.write(f"curl: ({failure.code}) {failure.message}\n".encode())
        return failure.code

    def _trusted(self) -> str:
        """The file of trusted certificates: what a variable names, else the image's own."""
        variables = (self._invocation.env.get(name) for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"))
        return next(filter(None, variables), BUNDLE)

    def _read(self, path: str) -> bytes:
        if path == "-":
            return self._stdin or b""
        return self._invocation.container.files.read(os.path.join(self._invocation.cwd, path))


def _completed(url: str) -> str:
    """A URL with its scheme."""
    return url if "://" in url else f"http://{url}"


def _parsed(text: str) -> SplitResult:
    """The parts of a URL. Raises Failed: 3 for a malformed one, 1 for another protocol."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise Failed(
            _BAD_URL, "URL rejected: Port number was not a decimal number between 0 and 65535"
        ) from None
    if url.scheme not in ("http", "https"):
        raise Failed(_UNSUPPORTED, f'Protocol "{url.scheme}" not supported')
    if not url.hostname:
        raise Failed(_BAD_URL, "URL rejected: No host part in the URL")
    return url


def _already_connected(sock: Any, purpose: int) -> int:
    return int(pycurl.SOCKOPT_ALREADY_CONNECTED)


async def _everything(invocation: Invocation) -> bytes:
    chunks = []
    while chunk := await invocation.stdin.read():
        chunks.append(chunk)
    return b"".join(chunks)
