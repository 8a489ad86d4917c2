"""Configuration on its way into a running Envoy: what is published, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pocketmesh.istio.envoy.admin import Admin, AdminSilent
from pocketmesh.istio.envoy.discovery import Discovery, resource_of
from pocketmesh.istio.envoy.xds import version_of

_REFUSALS: Final = ("update_rejected", "update_failure")
_ASKED: Final = "(version_text|update_rejected|update_failure|warming_clusters|listeners_warming)$"
_POLL: Final = 0.002
_LONGEST_WAIT: Final = 5.0
_LONGEST_WARMING: Final = 1.0
"""How long a listener may wait for routes; one that an EnvoyFilter added may do so for ever."""


class Delivery:
    """Brings one Envoy's files up to date and learns whether it took them."""

    def __init__(self, discovery: Discovery, admin: Admin) -> None:
        self._discovery = discovery
        self._admin = admin
        self._written: dict[str, str] = {}
        self._rejections: dict[str, int] = {}

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """Publishes what differs from before and returns it."""
        changed = {name: text for name, text in files.items() if self._written.get(name) != text}
        self._discovery.publish(changed)
        self._written.update(changed)
        return changed

    def drop(self, files: Mapping[str, str]) -> None:
        """Removes what is not among `files` any more; only after Envoy has taken them."""
        for name in self._written.keys() - files.keys():
            self._discovery.withdraw(name)
            del self._written[name]

    async def taken(self, files: Mapping[str, str]) -> list[str]:
        """Waits until Envoy has looked at these files and goes by them, and returns those that it rejected.

        A changed cluster works only when it has its endpoints, a changed listener when it has its routes;
        until then the old ones do. What is counted here was posted to the worker before, which takes it in
        ahead of every connection that comes later.
        Raises AdminSilent when it does not answer for five seconds.
        """
        waiting = {_prefix(name): (name, version_of(text)) for name, text in files.items()}
        rejected: list[str] = []
        loop = asyncio.get_running_loop()
        begun = loop.time()
        warming = bool(files)
        while waiting or warming:
            stats = await self._admin.stats(_ASKED)
            warming = stats.get("cluster_manager.warming_clusters", "0") != "0"
            if loop.time() - begun < _LONGEST_WARMING:
                warming |= stats.get("listener_manager.total_listeners_warming", "0") != "0"
            for prefix, (name, version) in list(waiting.items()):
                # What Envoy can read and does not like is rejected, what it cannot even read is a failure.
                count = sum(int(stats.get(f"{prefix}.{refusal}", "0")) for refusal in _REFUSALS)
                if stats.get(f"{prefix}.version_text") == version:
                    del waiting[prefix]
                elif count > self._rejections.get(prefix, 0):
                    rejected.append(name)
                    del waiting[prefix]
                self._rejections[prefix] = count
            if (waiting or warming) and loop.time() - begun > _LONGEST_WAIT:
                raise AdminSilent(f"Envoy has not looked at {', '.join(sorted(waiting)) or 'all it needs'}")
            if waiting or warming:
                await asyncio.sleep(_POLL)
        return rejected


def _prefix(name: str) -> str:
    """Under which name Envoy counts what it does with a file."""
    kind, resource = resource_of(name)
    match kind:
        case "lds":
            return "listener_manager.lds"
        case "cds":
            return "cluster_manager.cds"
        case "eds":
            return f"cluster.{resource}"
        case _:
            return f"http.{resource}.rds.{resource}"
