"""What is asked and what must come of it, read from tables in text.

The words of the tables: `direct` 200 from the application, which no Envoy has touched · `waypoint` 200 by
way of an Envoy · `echo` a line came back over plain TCP · `reset` curl 56 (or 52, if curl lost the race) ·
`refused` curl 7 · `timeout` curl 28 · `unknown` curl 6 · `denied` 403 `RBAC: access denied` ·
`asked-no` 403 from an external authorizer · `invalid` 401 with a word about the token · `broken` 503
because the way behind the proxy is broken · `unhealthy` 503 `no healthy upstream` · `missing` 404 and
`failed` 500 from an Envoy, both empty · `late` 504 · `aborted` a fault's status and body · `-` not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .objects import Object


@dataclass(frozen=True)
class Ask:
    """One request of one client: `GET http://hello.east/ x-role:admin`, or `TCP hello.east:9000`.

    A host that ends in `.pod` means the address of the pod: `http://NAME.NAMESPACE.pod:3000/`.
    """

    client: str
    method: str
    url: str
    headers: tuple[str, ...] = ()

    @classmethod
    def read(cls, client: str, text: str) -> Ask:
        method, url, *headers = text.split()
        return cls(client, method, url, tuple(headers))

    def __str__(self) -> str:
        return " ".join((self.client, self.method, self.url, *(it for it in self.headers if len(it) < 40)))


@dataclass(frozen=True)
class Row:
    """`why` is where the outcome is written."""

    situation: str
    ask: Ask
    outcome: str
    why: str

    def __str__(self) -> str:
        return f"{self.situation}: {self.ask}"


@dataclass(frozen=True)
class Scene:
    """Rows that are asked in one round, and the objects that are there only meanwhile."""

    objects: tuple[Object, ...]
    rows: tuple[Row, ...]


def listed(situation: str, why: str, text: str) -> list[Row]:
    """Rows from lines `OUTCOME  CLIENT[,CLIENT…]  METHOD URL [HEADER:VALUE…]`."""
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        outcome, clients, request = line.split(maxsplit=2)
        rows += [Row(situation, Ask.read(client, request), outcome, why) for client in clients.split(",")]
    return rows


def crossed(
    text: str,
    columns: Mapping[str, tuple[str, str]],
    whys: Mapping[str, str],
    place: Callable[[str], str] = str,
) -> Iterator[Row]:
    """Rows from a table with a column for each request and a line `SITUATION OUTCOME…` for each situation.

    In a column's request `{at}` stands for the situation, `{place}` for its namespace.
    """
    head, *lines = filter(None, map(str.split, text.splitlines()))
    for at, *outcomes in lines:
        for column, outcome in zip(head, outcomes, strict=True):
            client, request = columns[column]
            if outcome != "-":
                ask = Ask.read(client, request.format(at=at, place=place(at)))
                yield Row(at, ask, outcome, whys[at])
