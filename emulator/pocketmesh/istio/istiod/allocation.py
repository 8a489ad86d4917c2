"""Gives addresses to ServiceEntries that name none, so that pods can dial their hosts.

Upstream: istio/istio pilot/pkg/controllers/ipallocate; ranges 240.240.0.0/16 and 2001:2::/48.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.istio.resources import OPT_OUT_OF_ALLOCATION, SERVICE_ENTRIES, Place, Reader
from pocketmesh.objects import Object, labels_of
from pocketmesh.store import Event

RANGES: Final = (IPv4Network("240.240.0.0/16"), IPv6Network("2001:2::/48"))


def wanted_hosts(entry: Object) -> list[str]:
    """The hosts of a ServiceEntry that need an address; none when it has its own or does not want any."""
    spec = entry["spec"]
    if labels_of(entry).get(OPT_OUT_OF_ALLOCATION) == "false" or spec.get("addresses"):
        return []
    resolution = spec.get("resolution") or "NONE"
    if resolution == "NONE":
        return []
    # Only a waypoint that looks at each request can tell where a wildcard leads to.
    hosts = spec.get("hosts") or []
    return [host for host in hosts if resolution == "DYNAMIC_DNS" or not host.startswith("*")]


def allocated(entry: Object, taken: set[str]) -> list[Object]:
    """`status.addresses` of a ServiceEntry: what it has already, and the first free ones for the rest."""
    hosts = wanted_hosts(entry)
    before = (entry.get("status") or {}).get("addresses") or []
    kept = [address for address in before if address.get("host") in hosts]
    served = {address["host"] for address in kept}
    free = [_free(network, taken) for network in RANGES]
    new = [{"value": next(pool), "host": host} for host in hosts if host not in served for pool in free]
    return [*kept, *new]


class AddressAllocation:
    """Keeps what was allocated, for as long as the host needs it."""

    name = "istiod address allocation"

    def __init__(self, client: Client) -> None:
        self._client = client

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        return (Place(namespace, name),) if resource == SERVICE_ENTRIES else ()

    def reconcile(self, key: Place) -> float | None:
        entry = self._client.get(SERVICE_ENTRIES, *key)
        if entry is None:
            return None
        addresses = allocated(entry, _taken(self._client))
        if addresses != ((entry.get("status") or {}).get("addresses") or []):
            patch = {"status": {"addresses": addresses or None}}
            self._client.merge(SERVICE_ENTRIES, *key, patch, "status")
        return None


def _taken(reader: Reader) -> set[str]:
    return {
        address["value"]
        for entry in reader.all(SERVICE_ENTRIES)
        for address in (entry.get("status") or {}).get("addresses") or []
    }


def _free(network: IPv4Network | IPv6Network, taken: set[str]) -> Iterator[str]:
    return (str(address) for address in network.hosts() if str(address) not in taken)
