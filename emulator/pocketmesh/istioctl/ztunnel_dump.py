"""A ztunnel's config_dump as tables, and the part of it that was asked for. Pure.

Upstream: istio/istio istioctl/pkg/writer/ztunnel/configdump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.istioctl.tables import table
from pocketmesh.objects import Object

PARTS: Final = ("workload", "service", "policy", "certificate", "connections")

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to show of a part; an empty field leaves nothing out."""

    within: str = ""
    workload_node: str = ""
    address: str = ""
    direction: str | None = None
    raw: bool = False


def chosen(dump: Object, part: str, asked: Asked) -> list[Object]:
    """The entries of one part, in the order in which they are shown."""
    match part:
        case "workload":
            return sorted(
                (
                    it
                    for it in dump.get("workloads") or []
                    if asked.within in ("", it["namespace"])
                    and asked.workload_node in ("", it.get("node"))
                    and (not asked.address or asked.address in it["workloadIps"])
                ),
                key=_by_name,
            )
        case "service":
            found = (it for it in dump.get("services") or [] if asked.within in ("", it["namespace"]))
            return sorted(
                (it for it in found if not asked.address or asked.address in _vips(it)), key=_by_name
            )
        case "policy":
            found = (it for it in dump.get("policies") or [] if asked.within in ("", it["namespace"]))
            return sorted(found, key=_by_name)
        case "certificate":
            return list(dump.get("certificates") or [])
        case _:
            states = (dump.get("workloadState") or {}).values()
            kept = (it for it in states if asked.within in ("", it["info"]["namespace"]))
            return sorted(kept, key=lambda it: _by_name(it["info"]))


def shown(dump: Object, part: str, asked: Asked) -> str:
    """One part as a table."""
    heading, padding, rows = _TABLES[part]
    return table([heading, *rows(chosen(dump, part, asked), dump, asked)], padding)


def _workloads(found: Iterable[Object], dump: Object, asked: Asked) -> list[Row]:
    hosts = _hosts(dump)
    return [
        (
            it["namespace"],
            it["name"],
            ",".join(it["workloadIps"]) or it.get("hostname", ""),
            it.get("node", ""),
            _waypoint(it, hosts),
            it.get("protocol", "TCP"),
        )
        for it in found
    ]


def _services(found: Iterable[Object], dump: Object, asked: Asked) -> list[Row]:
    hosts = _hosts(dump)
    health = {it["uid"]: it.get("status", "Healthy") for it in dump.get("workloads") or []}
    rows: list[Row] = []
    for it in found:
        endpoints = it.get("endpoints") or {}
        ready = sum(health.get(each["workloadUid"], "Healthy") == "Healthy" for each in endpoints.values())
        counted = f"{ready}/{len(endpoints)}"
        rows.append((it["namespace"], it["name"], ",".join(_vips(it)), _waypoint(it, hosts), counted))
    return rows


def _policies(found: Iterable[Object], dump: Object, asked: Asked) -> list[Row]:
    return [(it["namespace"], it["name"], it["action"], it["scope"]) for it in found]


def _certificates(found: Iterable[Object], dump: Object, asked: Asked) -> list[Row]:
    rows: list[Row] = []
    for it in found:
        for kind, chain in (("Leaf", it.get("certChain") or []), ("Root", it.get("rootCerts") or [])):
            for each in chain:
                serial = f"{int(each['serialNumber']):x}"
                span = (each["expirationTime"], each["validFrom"])
                rows.append((it["identity"], kind, it["state"], "true", serial, *span))
        if not it.get("certChain"):
            rows.append((it["identity"], "NA", it["state"], "false", "NA", "NA", "NA"))
    return rows


def _connections(found: Iterable[Object], dump: Object, asked: Asked) -> list[Row]:
    names = {} if asked.raw else _names(dump)

    def named(address: str) -> str:
        ip, _, port = address.rpartition(":")
        return f"{names[ip]}:{port}" if ip in names else address

    rows: list[Row] = []
    for it in found:
        workload = f"{it['info']['name']}.{it['info']['namespace']}"
        opened = it.get("connections") or {}
        if asked.direction != "outbound":
            for each in opened.get("inbound") or []:
                ends = (named(each["actualDst"]), named(each["src"]), "")
                rows.append((workload, "Inbound", *ends, each["protocol"]))
        if asked.direction != "inbound":
            for each in opened.get("outbound") or []:
                ends = (named(each["src"]), named(each["actualDst"]), named(each["originalDst"]))
                rows.append((workload, "Outbound", *ends, each["protocol"]))
    return rows


_TABLES: Final[dict[str, tuple[Row, int, Callable[[list[Object], Object, Asked], list[Row]]]]] = {
    "workload": (("NAMESPACE", "POD NAME", "ADDRESS", "NODE", "WAYPOINT", "PROTOCOL"), 1, _workloads),
    "service": (("NAMESPACE", "SERVICE NAME", "SERVICE VIP", "WAYPOINT", "ENDPOINTS"), 1, _services),
    "policy": (("NAMESPACE", "POLICY NAME", "ACTION", "SCOPE"), 1, _policies),
    "certificate": (
        ("CERTIFICATE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"),
        5,
        _certificates,
    ),
    "connections": (
        ("WORKLOAD", "DIRECTION", "LOCAL", "REMOTE", "REMOTE TARGET", "PROTOCOL"),
        1,
        _connections,
    ),
}


def _by_name(it: Object) -> tuple[str, str]:
    return it["namespace"], it["name"]


def _vips(service: Object) -> list[str]:
    """Its addresses without their networks: `/10.96.0.1` is one of the only network."""
    return [str(vip).rpartition("/")[2] for vip in service.get("vips") or []]


def _hosts(dump: Object) -> dict[str, str]:
    """The names of services by `NAMESPACE/HOSTNAME` and by address."""
    found = {}
    for it in dump.get("services") or []:
        found[f"{it['namespace']}/{it['hostname']}"] = it["name"]
        found.update((vip, it["name"]) for vip in it.get("vips") or [])
    return found


def _waypoint(it: Object, hosts: dict[str, str]) -> str:
    to: Any = (it.get("waypoint") or {}).get("destination")
    return hosts.get(to, str(to)) if to else "None"


def _names(dump: Object) -> dict[str, str]:
    """What an address is called: a pod with its namespace, or a service's host."""
    pods = {
        ip: f"{it['name']}.{it['namespace']}"
        for it in dump.get("workloads") or []
        for ip in it["workloadIps"]
    }
    return {**pods, **{vip: it["hostname"] for it in dump.get("services") or [] for vip in _vips(it)}}
