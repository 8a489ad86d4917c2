"""Requests from a lab's probe pods, by the curl inside them: what the learner would see, we see.

A probe that is missing or not ready, a shell that ends, or our own time limit is `Ungradable`: it says
nothing about the answer.
"""

from __future__ import annotations

import secrets
import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from labcheck.checks.context import Probe
from labcheck.checks.journal import Journal
from labcheck.checks.response import Response, Sample, parse
from labcheck.checks.shells import Shells
from labcheck.errors import Ungradable, did_you_mean
from labcheck.kube import ApiRefused, ExecTimeout, Executed, StreamEnded

# Of the shell, not of curl: 126 and 127 mean that there is no curl to run, 2 and 3 that we called it wrongly.
_NOT_CURL = {2, 3, 4, 126, 127}
_GIVE_UP_AFTER = 10
_LANES, _LANE = 3, 10
"""A sample goes out in this many lanes at the same time, when that leaves each at least so many requests."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends from one pod. Header names and values reach curl as they are; the shell sees them quoted."""

    name: str
    _probe: Probe
    _shells: Shells
    _journal: Journal

    def get(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        at: str = "",
        timeout: float = 5.0,
    ) -> Response:
        """One request over a connection of its own. Never raises for a refusal: read `.refusal`.

        `at` is the address or name to send it to, whatever the DNS says of the host in `url`.
        """
        command = curl(url, method=method, headers=headers or {}, body=body, timeout=timeout, at=at)
        done = self._run(shlex.join(command), timeout + 10)
        if done.code in _NOT_CURL:
            raise Ungradable(
                f"The probe pod `{self.name}` cannot run curl (exit {done.code}).",
                evidence=done.output.strip(),
            )
        response = parse(done.output, done.code)
        self._journal.add("request", self._typed(command), str(response))
        return response

    def sample(
        self,
        url: str,
        n: int,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Sample:
        """`n` equal requests, each over a connection of its own; many are sent in lanes at the same time.

        A lane gives up after ten refusals in a row, or two timeouts, so `Sample.n` can be smaller than `n`.
        The time limit is generous: a machine that is busy for a while is no wrong answer.
        """
        command = curl(url, method=method, headers=headers or {}, body=None, timeout=timeout)
        lanes = max(1, min(_LANES, n // _LANE))
        sizes = [n // lanes + (lane < n % lanes) for lane in range(lanes)]
        sent = Traffic.together(*(partial(self._lane, command, size) for size in sizes))
        responses = [response for lane in sent for response in lane]
        sample = Sample(tuple(responses), self._typed(command))
        self._journal.sampled(sample.command, sample.n, str(sample))
        return sample

    def _lane(self, command: list[str], n: int) -> list[Response]:
        """The request `n` times, one after another."""
        marker = f"--{secrets.token_hex(8)}"
        done = self._run(_loop(shlex.join(command), n, marker), 60 + n * 0.5)
        responses = [parse(text, code) for text, code in _pieces(done.output, marker)]
        if done.code or not responses or any(response.exit_code in _NOT_CURL for response in responses):
            raise Ungradable(
                f"The probe pod `{self.name}` cannot run the sample (exit {done.code}).",
                evidence=done.output.strip()[-300:],
            )
        return responses

    def _typed(self, command: list[str]) -> str:
        """What a learner types to send the same."""
        container = f" -c {self._probe.container}" if self._probe.container else ""
        probe = f"{self._probe.pod} -n {self._probe.namespace}{container}"
        return f"kubectl exec {probe} -- {shlex.join(command)}"

    def _run(self, script: str, timeout: float) -> Executed:
        probe = self._probe
        try:
            return self._shells.run(probe, script, timeout)
        except ExecTimeout as error:
            raise Ungradable(
                f"The probe pod `{self.name}` did not finish within {timeout:g} s.",
                next_step="Grade again; if it stays so, run `labcheck doctor`.",
            ) from error
        except (ApiRefused, StreamEnded) as error:
            raise Ungradable(
                f"The probe pod `{self.name}` ({probe.namespace}/{probe.pod}) cannot be used.",
                evidence=error.message if isinstance(error, ApiRefused) else str(error),
                next_step=f"See `kubectl describe pod {probe.pod} -n {probe.namespace}`.",
            ) from error


class Traffic:
    """Hands out senders by the names under `probes` in lab.yaml."""

    def __init__(self, shells: Shells, probes: Mapping[str, Probe], journal: Journal | None = None) -> None:
        self._shells = shells
        self._probes = probes
        self._journal = Journal() if journal is None else journal

    def from_(self, probe: str) -> Sender:
        """The sender for the pod that `probes` calls `probe`."""
        if probe not in self._probes:
            raise LookupError(f"lab.yaml declares no probe `{probe}`. {did_you_mean(probe, self._probes)}")
        return Sender(probe, self._probes[probe], self._shells, self._journal)

    @staticmethod
    def together(*requests: Callable[[], T]) -> list[T]:
        """Sends several requests at the same time; their answers in the order in which they stand here.

            first, second = traffic.together(lambda: client.get(a), lambda: outsider.get(b))

        For requests that do not depend on each other. Raises what the first that could not be sent raised.
        """
        answers: list[list[T]] = [[] for _ in requests]
        troubles: list[BaseException | None] = [None] * len(requests)

        def send(index: int) -> None:
            try:
                answers[index].append(requests[index]())
            except BaseException as error:
                troubles[index] = error

        # Daemons: a check whose time is over does not wait for requests that are still under way.
        threads = [threading.Thread(target=send, args=(it,), daemon=True) for it in range(len(requests))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for trouble in troubles:
            if trouble is not None:
                raise trouble
        return [answer for found in answers for answer in found]


def curl(
    url: str, *, method: str, headers: Mapping[str, str], body: str | None, timeout: float, at: str = ""
) -> list[str]:
    """The command for one request: it prints the answer with its headers, or the reason why there is none."""
    command = ["curl", "-sS", "-i", "--max-time", f"{timeout:g}"]
    if method != "GET":
        command += ["-X", method]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if body is not None:
        command += ["--data-raw", body]
    if at:
        command += ["--connect-to", f"::{at}:"]
    return [*command, url]


def _loop(request: str, n: int, marker: str) -> str:
    # Plain POSIX, for busybox's sh in the curl image as much as for bash. Each curl is a new process and so a
    # new connection. The marker line closes a response and carries curl's exit code. Timeouts count five.
    return (
        f"i=0; f=0; while [ $i -lt {n} ] && [ $f -lt {_GIVE_UP_AFTER} ]; do "
        f"{request}; c=$?; printf '\\n%s %s\\n' {marker} $c; "
        "case $c in 0) f=0;; 28) f=$((f+5));; *) f=$((f+1));; esac; i=$((i+1)); done"
    )


def _pieces(output: str, marker: str) -> list[tuple[str, int]]:
    """The loop's output cut at its marker lines: each response with its exit code."""
    text, *rest = output.split(f"\n{marker} ")
    pieces = []
    for chunk in rest:
        code, _, following = chunk.partition("\n")
        pieces.append((text, int(code)))
        text = following
    return pieces
