"""Gateways of class `istio` read into listeners, each with the rules of the routes that it admits.

Whether a listener admits a route, and whether its certificate can be used, is what istiod writes in their
statuses: both ask the same functions.
Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.istio.gateway_api.classes import CONTROLLER, class_of
from pocketmesh.istio.gateway_api.grants import backend_granted
from pocketmesh.istio.gateway_api.hostnames import covers, intersection
from pocketmesh.istio.gateway_api.listeners import usable_certificates
from pocketmesh.istio.gateway_api.parents import attached_sections
from pocketmesh.istio.mesh.routes import Granted, rules_of
from pocketmesh.istio.mesh.routing import Rule, in_order
from pocketmesh.istio.resources import GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, TLS_ROUTES, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.net.services import Place
from pocketmesh.objects import Object, name_of, namespace_of

_ROUTES: Final = (HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain and its private key, in PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener that can be served.

    `hostname` is `*` for any; a listener of protocol TLS passes on what it cannot read. `rules` are by the
    hostname that requests ask for, each first match first; every one of them is within `hostname`.
    """

    name: str
    port: int
    protocol: str
    hostname: str
    certificates: tuple[Certificate, ...] = ()
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)


def listeners_of(reader: Reader, hosts: Set[str], settings: Settings) -> dict[Place, tuple[Listener, ...]]:
    """What the Gateways of istiod's own class listen for; `hosts` are the full names that exist."""
    routes = [route for resource in _ROUTES for route in reader.all(resource)]
    found: dict[Place, tuple[Listener, ...]] = {}
    for gateway in reader.all(GATEWAYS):
        info = class_of(gateway, reader, settings)
        if info is None or info.controller != CONTROLLER:
            continue
        attached = [(route, attached_sections(route, gateway, reader, settings)) for route in routes]
        listeners: list[Listener] = []
        for item in gateway["spec"].get("listeners") or []:
            own = [route for route, sections in attached if item["name"] in sections]
            if listener := _listener(gateway, item, own, hosts, reader):
                listeners.append(listener)
        found[namespace_of(gateway), name_of(gateway)] = tuple(listeners)
    return found


def _listener(
    gateway: Object,
    listener: Object,
    routes: Iterable[Object],
    hosts: Set[str],
    reader: Reader,
) -> Listener | None:
    """None for one that cannot be served: a protocol that is not HTTP or TLS, or no usable certificate."""
    protocol, tls = listener["protocol"], listener.get("tls") or {}
    certificates: tuple[Certificate, ...] = ()
    if protocol == "HTTPS":
        certificates = tuple(map(_certificate, usable_certificates(gateway, tls, reader)))
        if not certificates:
            return None
    elif protocol != "HTTP" and (protocol, tls.get("mode")) != ("TLS", "Passthrough"):
        return None
    own = listener.get("hostname") or "*"
    rules: dict[str, list[Rule]] = {}
    for route in routes:
        read = rules_of(route, hosts, _granted(route, reader))
        for hostname in _hostnames(gateway, listener, route):
            rules.setdefault(hostname, []).extend(read)
    return Listener(
        name=listener["name"],
        port=int(listener["port"]),
        protocol=protocol,
        hostname=own,
        certificates=certificates,
        rules={own: (), **{hostname: in_order(found) for hostname, found in rules.items()}},
    )


def _hostnames(gateway: Object, listener: Object, route: Object) -> Iterator[str]:
    """What is meant by both listener and route, but for what a more specific listener of the port claims."""
    own = listener.get("hostname") or "*"
    claimed = {
        other["hostname"]
        for other in gateway["spec"]["listeners"]
        if other["port"] == listener["port"] and other.get("hostname") and other["hostname"] != own
    }
    for asked in route["spec"].get("hostnames") or ["*"]:
        hostname = intersection(own, asked)
        if hostname and not any(covers(own, other) and covers(other, hostname) for other in claimed):
            yield hostname


def _granted(route: Object, reader: Reader) -> Granted:
    own = namespace_of(route)

    def granted(reference: Object) -> bool:
        namespace = reference.get("namespace") or own
        return namespace == own or backend_granted(route["kind"], own, namespace, reference["name"], reader)

    return granted


def _certificate(secret: Object) -> Certificate:
    data = {key: b64decode(value).decode(errors="replace") for key, value in secret["data"].items()}
    return Certificate(data["tls.crt"], data["tls.key"])
