"""Traffic: VirtualService, DestinationRule and ServiceEntry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pocketmesh.objects import Object

_LABEL: Final = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_SUBSET: Final = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?")


def virtual_service(spec: Object) -> Iterator[str]:
    """Routes that lead nowhere, or to two places at once."""
    if not spec.get("hosts") and spec.get("gateways"):
        yield "virtual service must have at least one host"
    if not any(spec.get(protocol) for protocol in ("http", "tcp", "tls")):
        yield "http, tcp or tls must be provided in virtual service"
    for rule in spec.get("http") or []:
        yield from _http_route(rule)
    for protocol in ("tcp", "tls"):
        for rule in spec.get(protocol) or []:
            if not rule.get("route"):
                yield f"{protocol.upper()} route is required"
            yield from _weights(rule.get("route") or [])


def destination_rule(spec: Object) -> Iterator[str]:
    """Hosts and subsets without a usable name."""
    yield from _host(spec.get("host", ""))
    for subset in spec.get("subsets") or []:
        name = subset.get("name", "")
        if not name:
            yield "subset name cannot be empty"
        elif not _SUBSET.fullmatch(name):
            yield f"subset name is invalid: {name}"


def service_entry(spec: Object) -> Iterator[str]:
    """Hosts, ports and endpoints that do not fit how the hosts are resolved."""
    hosts, endpoints = spec.get("hosts") or [], spec.get("endpoints") or []
    if not hosts:
        yield "service entry must have at least one host"
    for host in hosts:
        yield from _host(host)
    ports = spec.get("ports") or []
    for name, count in Counter(port.get("name", "") for port in ports).items():
        if count > 1:
            yield f'service entry port name "{name}" already defined'
    for number, count in Counter(port.get("number", 0) for port in ports).items():
        if count > 1:
            yield f"service entry port {number} already defined"
    match spec.get("resolution") or "NONE":
        case "NONE" if endpoints:
            yield "no endpoints should be provided for resolution type none"
        case ("DNS" | "DNS_ROUND_ROBIN") as resolution if not endpoints and not spec.get("workloadSelector"):
            if any("*" in host for host in hosts):
                yield f"hosts must be FQDN if no endpoints are provided for resolution mode {resolution}"


def _http_route(rule: Object) -> Iterator[str]:
    route, redirect, direct = rule.get("route"), rule.get("redirect"), rule.get("directResponse")
    if rule.get("delegate"):
        return
    if not route and not redirect and not direct:
        yield "HTTP route, redirect or direct_response is required"
    if redirect and route:
        yield "HTTP route cannot contain both route and redirect"
    if direct and (route or redirect):
        yield "HTTP route cannot contain both direct_response and a route or a redirect"
    if redirect and rule.get("rewrite"):
        yield "HTTP route rule cannot contain both rewrite and redirect"
    yield from _weights(route or [])


def _weights(route: list[Object]) -> Iterator[str]:
    for entry in route:
        host = (entry.get("destination") or {}).get("host", "")
        if not host:
            yield "destination host is required"
        else:
            yield from _host(host, wildcard=False)
        if entry.get("weight", 0) < 0:
            yield f"weight {entry['weight']} < 0"
    if len(route) > 1 and sum(entry.get("weight", 0) for entry in route) == 0:
        yield "total destination weight = 0"


def _host(host: str, *, wildcard: bool = True) -> Iterator[str]:
    """`*.example.com` and names of labels (ValidateWildcardDomain)."""
    if len(host) > 255:
        yield f'domain name "{host}" too long (max 255)'
    if not host:
        yield "empty domain name not allowed"
        return
    if not wildcard and "*" in host:
        yield f"wildcards are not allowed for hosts {host}"
        return
    labels = host.removesuffix(".").split(".")
    for place, label in enumerate(labels):
        if not _LABEL.fullmatch(label) and not (place == 0 and label.startswith("*") and wildcard):
            yield f'domain name "{host}" invalid (label "{label}" is invalid)'
