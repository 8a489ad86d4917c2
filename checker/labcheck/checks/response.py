"""What came back from one request, and what curl printed made into it. Pure: no cluster, no network.

In ambient *how* a request was refused is the lesson: ztunnel resets, a waypoint answers 403.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """How a request was refused; None on a response means that it was not."""

    RESET = "connection reset"
    """Accepted, then reset or closed: ztunnel's way (layer 4 policy, STRICT, no healthy endpoint)."""
    REFUSED = "connection refused"
    """Nothing listens there; without a mesh, a Service that has no endpoints."""
    TIMEOUT = "timeout"
    DNS = "name not found"
    TLS = "TLS handshake failure"
    FORBIDDEN = "403"
    """The waypoint's way (layer 7 policy): body `RBAC: access denied`."""
    UNAUTHORIZED = "401"
    """An invalid token at the waypoint."""
    UNAVAILABLE = "503"
    """The waypoint had nowhere to send it, or the destination refused the waypoint."""
    OTHER = "other"

    @property
    def meaning(self) -> str:
        """Who refuses in this way, in a mesh."""
        return _MEANINGS.get(self, "")


_MEANINGS = {
    Refusal.RESET: "layer 4: ztunnel's way",
    Refusal.REFUSED: "nothing listens there",
    Refusal.TIMEOUT: "no answer in time",
    Refusal.DNS: "no such name",
    Refusal.TLS: "TLS ended it",
    Refusal.FORBIDDEN: "layer 7: a waypoint's way",
    Refusal.UNAUTHORIZED: "layer 7: the token is not valid",
    Refusal.UNAVAILABLE: "nowhere to send it",
}

# curl(1), EXIT CODES. 52 (empty reply) is the same refusal as 56 (reset), lost in a race.
_EXITS = {
    5: Refusal.DNS,
    6: Refusal.DNS,
    7: Refusal.REFUSED,
    28: Refusal.TIMEOUT,
    35: Refusal.TLS,
    52: Refusal.RESET,
    55: Refusal.RESET,
    56: Refusal.RESET,
    60: Refusal.TLS,
}
_TOLD = 80
"""So much of a body is told."""
_ANSWERS = 10
"""So many different answers of a sample are told."""
_CODES = {401: Refusal.UNAUTHORIZED, 403: Refusal.FORBIDDEN, 503: Refusal.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Response:
    """One request's end. `code` is 0 when no HTTP answer came; header names are in lower case."""

    code: int
    headers: Mapping[str, str]
    body: str
    exit_code: int = 0
    """curl's own: 0, 6, 7, 28, 35, 52, 56, …"""

    @property
    def ok(self) -> bool:
        """A whole answer with a 2xx code."""
        return self.exit_code == 0 and 200 <= self.code < 300

    @property
    def refusal(self) -> Refusal | None:
        if self.exit_code:
            return _EXITS.get(self.exit_code, Refusal.OTHER)
        return _CODES.get(self.code)

    @property
    def meaning(self) -> str:
        """Who answered or refused like this; empty where the answer does not tell."""
        if self.refusal is None:
            return "it was answered" if self.ok else ""
        if self.refusal is Refusal.FORBIDDEN and not self.through_waypoint and "RBAC:" not in self.body:
            return "by the application, not by a waypoint"
        return self.refusal.meaning

    @property
    def through_waypoint(self) -> bool:
        """Whether the answer carries Envoy's mark, which only a waypoint (or gateway) puts there."""
        return self.headers.get("server") == "istio-envoy"

    def __str__(self) -> str:
        if self.exit_code:
            return f"{self.refusal} (curl exit {self.exit_code})"
        lines = self.body.strip().splitlines() or [""]
        if lines[0] in {"{", "["}:
            # A lone bracket says nothing, and neither does half of what follows it.
            whole = " ".join(self.body.split())
            return f"{self.code} {whole if len(whole) <= _TOLD else ''}".strip()
        return f"{self.code} {lines[0][:_TOLD]}".strip()


@dataclass(frozen=True, slots=True)
class Sample:
    """Many equal requests, sent once, each over a connection of its own."""

    responses: tuple[Response, ...]
    command: str = ""
    """What a learner types to send one of them."""

    @property
    def n(self) -> int:
        return len(self.responses)

    @property
    def refused(self) -> tuple[Response, ...]:
        """Those that did not end with 2xx."""
        return tuple(response for response in self.responses if not response.ok)

    def count(self, matches: Callable[[Response], object]) -> int:
        """How many responses `matches` holds for."""
        return sum(1 for response in self.responses if matches(response))

    def tally(self, key: Callable[[Response], str]) -> Counter[str]:
        """How often each value of `key` came."""
        return Counter(key(response) for response in self.responses)

    def __add__(self, more: Sample) -> Sample:
        """Both as one sample, of the command that was sent last."""
        return Sample(self.responses + more.responses, more.command)

    def __str__(self) -> str:
        answers = Counter(map(str, self.responses)).most_common(_ANSWERS)
        return "; ".join(f"{count} × {answer}" for answer, count in answers)


def parse(output: str, exit_code: int) -> Response:
    """What `curl -sS -i` printed, as a Response. Interim answers (1xx) are skipped."""
    head, body = _split(output)
    while head.startswith("HTTP/") and _code(head) // 100 == 1:
        head, body = _split(body)
    if not head.startswith("HTTP/"):
        return Response(0, {}, output, exit_code)
    headers = {}
    for line in head.splitlines()[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Response(_code(head), headers, body, exit_code)


def _split(text: str) -> tuple[str, str]:
    normal = text.replace("\r\n", "\n")
    head, _, body = normal.partition("\n\n")
    return head, body


def _code(head: str) -> int:
    words = head.split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
