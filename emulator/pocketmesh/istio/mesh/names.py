"""The names that ztunnel resolves for enrolled pods in place of the cluster's DNS: Services, and hosts of
ServiceEntries.

What it does not know it asks the cluster's DNS for, from the pod: ExternalName Services, which istiod does
not tell of, hosts without a virtual address, and names outside. Upstream: istio/ztunnel src/dns/server.rs
(find_server); https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/.
"""

from __future__ import annotations

from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.net import dns
from pocketmesh.net.services import Place, host_of


def resolve(mesh: Mesh, source: Workload, name: str) -> list[str]:
    """The addresses that a pod learns for a name; none when ztunnel passes the question on.

    Services go before ServiceEntries, a host before wildcards and a longer wildcard before a shorter one;
    among ServiceEntries for the same host, that of the pod's own namespace.
    """
    for candidate in dns.candidates(source.namespace, name):
        service = mesh.hosts.get(candidate)
        if service is not None and service not in mesh.entries:
            return _addresses(mesh, service)
    wanted = name.rstrip(".").lower()
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


def _addresses(mesh: Mesh, service: Place) -> list[str]:
    """A Service's virtual address; the ready pods of one that has none."""
    virtual = next((ip for ip, place in mesh.services.addresses.items() if place == service), None)
    if virtual is not None:
        return [virtual]
    return list(dict.fromkeys(end.ip for port in mesh.services.ports[service] for end in port.ready))
