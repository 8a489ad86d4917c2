"""The requests of a run: threads that each keep a connection and a pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from math import inf
from time import perf_counter

import orjson

from pocketmesh.node.apps.fortio import report
from pocketmesh.node.apps.fortio.report import Run, Sample
from pocketmesh.node.apps.fortio.wish import Wish, announcement
from pocketmesh.node.commands.calling import Caller, Request, Response
from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.process import Invocation


async def load(invocation: Invocation, wish: Wish) -> int:
    """Makes all requests and prints the report; 1 when the first ones had no success."""
    threads = min(wish.threads, wish.calls or wish.threads)
    callers = [Caller(invocation.container) for _ in range(threads)]
    try:
        await invocation.stdout.write(announcement(wish, threads).encode())
        warmup = 0 if wish.calls else threads
        if warmup:
            first = [await _sample(caller, wish.request) for caller in callers]
            bad = next((sample.status for sample in first if not 200 <= sample.status < 300), None)
            if bad is not None and not wish.tolerant:
                what = f"Aborting because of error {bad} for {wish.request.url}"
                await invocation.stderr.write(f"{what}\n".encode())
                return 1
        warn = _warning(invocation) if wish.warns else None
        begun = perf_counter()
        made = await asyncio.gather(*_threads(wish, callers, begun, warn))
        samples = [sample for part in made for sample in part]
        opened = sum(caller.opened for caller in callers)
        run = Run(samples, perf_counter() - begun, threads, opened, warmup)
        await invocation.stdout.write(report.text(run, quiet=wish.quiet).encode())
    finally:
        for caller in callers:
            caller.close()
    return 0


Warn = Callable[[int, int], Awaitable[None]]
"""Tells of a thread's request that had no success, by its status."""


def _threads(
    wish: Wish, callers: list[Caller], begun: float, warn: Warn | None
) -> list[Awaitable[list[Sample]]]:
    """The threads' work, to be awaited together."""
    calls = wish.calls
    if not calls and wish.qps < inf and wish.limit < inf:
        calls = max(len(callers), round(wish.qps * wish.limit))
    numbers = report.shares(calls, len(callers)) if calls else [None] * len(callers)
    deadline = inf if wish.calls else begun + wish.limit
    pace = len(callers) / wish.qps
    found: list[Awaitable[list[Sample]]] = []
    for number, (caller, count) in enumerate(zip(callers, numbers, strict=True)):
        found.append(_thread(number, caller, wish.request, count, pace, begun, deadline, warn))
    return found


async def _thread(
    number: int,
    caller: Caller,
    request: Request,
    count: int | None,
    pace: float,
    begun: float,
    deadline: float,
    warn: Warn | None,
) -> list[Sample]:
    samples: list[Sample] = []
    while (count is None or len(samples) < count) and perf_counter() < deadline:
        if samples:
            await asyncio.sleep(max(0.0, begun + len(samples) * pace - perf_counter()))
        sample = await _sample(caller, request)
        samples.append(sample)
        if warn is not None and not 200 <= sample.status < 300:
            await warn(number, sample.status)
    return samples


async def _sample(caller: Caller, request: Request) -> Sample:
    begun = perf_counter()
    try:
        response = await caller.call(request)
    except Failed:
        return Sample(-1, perf_counter() - begun)
    return Sample(response.status, perf_counter() - begun, len(head(response)), len(response.body))


def _warning(invocation: Invocation) -> Warn:
    async def warn(thread: int, status: int) -> None:
        said = {"level": "warn", "msg": "Non ok http code", "code": status, "thread": thread, "run": 0}
        if status == -1:
            said = {
                "level": "err",
                "msg": "Unable to connect or to read an answer",
                "thread": thread,
                "run": 0,
            }
        await invocation.stderr.write(orjson.dumps(said) + b"\n")

    return warn


def head(response: Response) -> str:
    """The head of a response, as it came."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.fields)
    return f"HTTP/1.1 {response.status} {phrase}\r\n{lines}\r\n"
