"""BackendTLSPolicies, as the DestinationRules that say the same.

Upstream: istio/istio pilot/pkg/config/kube/gateway/backend_policies.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pocketmesh.net.services import Place, ServiceTable, host_of
from pocketmesh.objects import Object, name_of, namespace_of

AUTHORITY: Final = "ca.crt"
"""The key of a ConfigMap that holds an authority's certificate."""


def as_destination_rules(
    policies: Iterable[Object], table: ServiceTable, entries: Mapping[Place, tuple[Place, ...]]
) -> Iterator[Object]:
    """A rule for each service that a policy targets; `entries` are the services of each ServiceEntry."""
    for policy in policies:
        tls = _tls(policy)
        for target in policy["spec"].get("targetRefs") or []:
            for service in _services(target, namespace_of(policy), entries):
                traffic = _policy(tls, target.get("sectionName") or "", service, table)
                spec = {"host": host_of(service), "trafficPolicy": traffic}
                yield {"metadata": policy["metadata"], "spec": spec}


def authorities(policies: Iterable[Object], config_maps: Iterable[Object]) -> dict[str, str]:
    """The certificates, in PEM, of the ConfigMaps that policies name; empty where there are none."""
    found = {named: "" for policy in policies if (named := _named(policy))}
    for item in config_maps:
        named = _config_map(namespace_of(item), name_of(item))
        if named in found:
            found[named] = (item.get("data") or {}).get(AUTHORITY, "")
    return found


def _config_map(namespace: str, name: str) -> str:
    """What a DestinationRule calls the certificates in a ConfigMap."""
    return f"configmap://{namespace}/{name}"


def _services(
    target: Object, namespace: str, entries: Mapping[Place, tuple[Place, ...]]
) -> tuple[Place, ...]:
    place = (namespace, str(target["name"]))
    match target.get("group") or "", target["kind"]:
        case "", "Service":
            return (place,)
        case "networking.istio.io", "ServiceEntry":
            return entries.get(place, ())
    return ()


def _tls(policy: Object) -> Object:
    validation = policy["spec"]["validation"]
    names = [entry.get("hostname") or entry.get("uri") for entry in validation.get("subjectAltNames") or []]
    hostname = validation["hostname"]
    return {
        "mode": "SIMPLE",
        "sni": hostname,
        "subjectAltNames": names or [hostname],
        "credentialName": _named(policy),
    }


def _named(policy: Object) -> str:
    references = policy["spec"]["validation"].get("caCertificateRefs") or []
    return _config_map(namespace_of(policy), references[0]["name"]) if references else ""


def _policy(tls: Object, section: str, service: Place, table: ServiceTable) -> Object:
    if not section:
        return {"tls": tls}
    ports = [port.port for port in table.ports.get(service, ()) if port.name == section]
    return {"portLevelSettings": [{"port": {"number": number}, "tls": tls} for number in ports]}
