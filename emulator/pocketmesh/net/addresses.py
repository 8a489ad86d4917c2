"""Which pod has which address.

An address stays with its pod as long as the pod lives, also across a restart of this process, because
the pod's own status remembers it. A freed address is given out again last, so that whoever kept it by
mistake finds nobody there instead of a stranger.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

POD_NETWORK: Final = IPv4Network("10.244.0.0/24")


class AddressesExhausted(OSError):
    """Every address of the pod network is taken."""


class Addresses:
    """The addresses of one network but for its first two: the network's own and the bridge's."""

    def __init__(self, network: IPv4Network = POD_NETWORK) -> None:
        self._network = network
        self._by_uid: dict[str, str] = {}
        self._uids: dict[str, str] = {}
        self._next = 2

    def assign(self, uid: str, wanted: str = "") -> str:
        """The address of a pod: the one it has, else `wanted` when that is free, else another.

        Raises AddressesExhausted.
        """
        if uid in self._by_uid:
            return self._by_uid[uid]
        ip = wanted if self._is_free(wanted) else self._free()
        self._by_uid[uid], self._uids[ip] = ip, uid
        return ip

    def release(self, uid: str) -> str | None:
        """Takes a pod's address back and returns it; None when it had none."""
        ip = self._by_uid.pop(uid, None)
        if ip is not None:
            del self._uids[ip]
        return ip

    def holds(self, ip: str) -> bool:
        """Whether some pod has this address."""
        return ip in self._uids

    def covers(self, ip: str) -> bool:
        """Whether an address belongs to this network, taken or not."""
        return IPv4Address(ip) in self._network

    def _is_free(self, ip: str) -> bool:
        return bool(ip) and ip not in self._uids and self.covers(ip)

    def _free(self) -> str:
        usable = self._network.num_addresses - 3
        for _ in range(usable):
            ip = str(self._network[self._next])
            self._next = self._next + 1 if self._next < usable + 1 else 2
            if ip not in self._uids:
                return ip
        raise AddressesExhausted(f"no free address in {self._network}")
