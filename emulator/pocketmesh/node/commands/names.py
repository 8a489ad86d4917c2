"""Programs that ask the cluster's DNS: nslookup and getent."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from pocketmesh.node.network import NameNotFound, NameServerSilent
from pocketmesh.node.process import Command, Container, Invocation
from pocketmesh.objects import namespace_of

SERVER: Final = "10.96.0.10"


def addresses(container: Container, name: str) -> list[str]:
    """The addresses of a name or of an address, as the container's resolver gives them.

    Raises NameNotFound.
    """
    try:
        return [str(IPv4Address(name))]
    except ValueError:
        pass
    if name.rstrip(".") in ("localhost", container.hostname):
        return ["127.0.0.1" if name.startswith("localhost") else container.ip]
    return container.network.resolve(container.ip, namespace_of(container.pod), name)


async def nslookup(invocation: Invocation) -> int:
    """`nslookup NAME`, in busybox' form."""
    names = [word for word in invocation.argv[1:] if not word.startswith("-")]
    if not names:
        await invocation.stderr.write(b"Usage: nslookup HOST [DNS_SERVER]\n")
        return 1
    name = names[0]
    head = f"Server:\t\t{SERVER}\nAddress:\t{SERVER}:53\n\n"
    try:
        found = addresses(invocation.container, name)
    except NameServerSilent:
        await invocation.stdout.write(b";; connection timed out; no servers could be reached\n\n")
        return 1
    except NameNotFound:
        await invocation.stdout.write(f"{head}** server can't find {name}: NXDOMAIN\n\n".encode())
        return 1
    rows = "".join(f"Name:\t{name}\nAddress: {address}\n" for address in found)
    await invocation.stdout.write(f"{head}{rows}\n".encode())
    return 0


async def getent(invocation: Invocation) -> int:
    """`getent hosts NAME`, `getent ahosts NAME`."""
    if len(invocation.argv) < 3 or invocation.argv[1] not in ("hosts", "ahosts", "ahostsv4"):
        await invocation.stderr.write(b"getent: only hosts and ahosts are emulated here\n")
        return 1
    try:
        found = addresses(invocation.container, invocation.argv[2])
    except NameNotFound:
        return 2
    text = "".join(f"{address:<15} {invocation.argv[2]}\n" for address in found)
    await invocation.stdout.write(text.encode())
    return 0


NAMES: Final[dict[str, Command]] = {"getent": getent, "nslookup": nslookup}
