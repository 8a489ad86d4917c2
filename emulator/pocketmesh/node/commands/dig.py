"""dig and host: asking the cluster's DNS for addresses. Other types of records have no answer."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.names import SERVER, addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import Command, Invocation

_TYPES: Final = ("A", "AAAA", "ANY", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
_SECONDS: Final = 30


async def dig(invocation: Invocation) -> int:
    """`dig [@SERVER] [+short] [+search] NAME [A]`: a name as it is, unless `+search` says otherwise."""
    words = [word for word in invocation.argv[1:] if not word.startswith(("@", "-"))]
    options = [word for word in words if word.startswith("+")]
    plain = [word for word in words if not word.startswith("+") and word.upper() not in (*_TYPES, "IN")]
    kind = next((word.upper() for word in words if word.upper() in _TYPES), "A")
    name = plain[0] if plain else "."
    asked = name if "+search" in options or name.endswith(".") else f"{name}."
    try:
        found = addresses(invocation.container, asked) if kind in ("A", "ANY") and plain else []
        status = "NOERROR"
    except NameNotFound:
        found, status = [], "NXDOMAIN"
    full = f"{name.rstrip('.')}."
    if "+short" in options:
        text = "".join(f"{address}\n" for address in found)
    else:
        text = _told(full, kind, status, found)
    await invocation.stdout.write(text.encode())
    return 0


async def host(invocation: Invocation) -> int:
    """`host NAME`."""
    names = [word for word in invocation.argv[1:] if not word.startswith("-")]
    if not names:
        await invocation.stderr.write(b"Usage: host name [server]\n")
        return 1
    try:
        found = addresses(invocation.container, names[0])
    except NameNotFound:
        await invocation.stdout.write(f"Host {names[0]} not found: 3(NXDOMAIN)\n".encode())
        return 1
    text = "".join(f"{names[0]} has address {address}\n" for address in found)
    await invocation.stdout.write(text.encode())
    return 0


def _told(name: str, kind: str, status: str, found: list[str]) -> str:
    rows = "".join(f"{name}\t\t{_SECONDS}\tIN\tA\t{address}\n" for address in found)
    answer = f";; ANSWER SECTION:\n{rows}\n" if rows else ""
    return (
        f"\n; <<>> DiG 9.20 <<>> {name}\n;; global options: +cmd\n;; Got answer:\n"
        f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4242\n"
        f";; flags: qr aa rd; QUERY: 1, ANSWER: {len(found)}, AUTHORITY: 0, ADDITIONAL: 0\n\n"
        f";; QUESTION SECTION:\n;{name}\t\t\tIN\t{kind}\n\n{answer}"
        f";; SERVER: {SERVER}#53({SERVER}) (UDP)\n\n"
    )


DIG: Final[dict[str, Command]] = {"dig": dig, "host": host}
