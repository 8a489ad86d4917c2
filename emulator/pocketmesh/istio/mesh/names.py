"""The names that ztunnel resolves for enrolled pods in place of the cluster's DNS: hosts of ServiceEntries.

A host without a virtual address is left to the cluster's DNS, which knows it only if it exists outside.
Upstream: istio/ztunnel src/dns/server.rs (find_server).
"""

from __future__ import annotations

from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.net.services import host_of


def resolve(mesh: Mesh, source: Workload, name: str) -> list[str]:
    """The addresses that a pod learns for a name; none when ztunnel passes the question on.

    A host goes before wildcards and a longer wildcard before a shorter one; among ServiceEntries for the same
    host, that of the pod's own namespace.
    """
    wanted = name.rstrip(".").lower()
    service = mesh.hosts.get(wanted)
    if service is not None and service not in mesh.entries:
        return []
    labels = wanted.split(".")
    candidates = [wanted, *(".".join(["*", *labels[place:]]) for place in range(1, len(labels)))]
    for candidate in candidates:
        found = [
            (place[0] != source.namespace, place, entry)
            for place, entry in mesh.entries.items()
            if entry.addresses and host_of(place) == candidate
        ]
        if found:
            _, _, entry = min(found, key=lambda item: item[:2])
            return list(entry.addresses)
    return []
