"""Where a Gateway can be reached: the Services it stands for, their instances, and what is missing.

Upstream: istio/istio pilot/pkg/config/kube/gatewaycommon/context.go (ResolveGatewayInstances) and
pilot/pkg/config/kube/gateway/conversion.go (extractGatewayServices).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pocketmesh.istio.conditions import Condition
from pocketmesh.istio.gateway_api.classes import ClassInfo
from pocketmesh.istio.resources import ENDPOINT_SLICES, NAMESPACES, SERVICE_ENTRIES, SERVICES, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import GATEWAY_MANAGED
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of


@dataclass(frozen=True, slots=True)
class Placement:
    """`services` are the hostnames that were asked for; `internal` those reached, as `host:port`, with
    their `cluster_ips`; `external` addresses of load balancers; `pending` hostnames wait for one.
    `warnings` say what could not be reached, `usable` whether all of that may still come by itself."""

    services: tuple[str, ...]
    refused: Condition | None = None
    internal: tuple[str, ...] = ()
    cluster_ips: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    usable: bool = True


def deployed_name(gateway: Object, info: ClassInfo) -> str:
    """The name of the objects that are generated for a Gateway."""
    override = annotations_of(gateway).get("gateway.istio.io/name-override")
    suffix = f"-{gateway['spec']['gatewayClassName']}" if info.suffixed else ""
    return override or f"{name_of(gateway)}{suffix}"


def is_managed(gateway: Object) -> bool:
    """Whether istiod deploys the Gateway: it names no address of its own, or just one IP to ask for."""
    addresses = gateway["spec"].get("addresses") or []
    if len(addresses) == 1:
        return bool(addresses[0].get("type", "IPAddress") == "IPAddress")
    return not addresses


def placement(gateway: Object, info: ClassInfo, reader: Reader, settings: Settings) -> Placement:
    """Where a Gateway is reached now."""
    services, refused = _services(gateway, info, settings)
    ports = sorted({listener["port"] for listener in gateway["spec"].get("listeners") or []})
    found = _Findings()
    for hostname in services:
        target = _target(hostname, namespace_of(gateway), reader, settings)
        if target is None:
            found.warnings.append(_missing(hostname, namespace_of(gateway), reader, settings))
            found.usable = False
        else:
            for port in ports:
                found.look(hostname, port, target)
    return Placement(
        tuple(services),
        refused,
        tuple(sorted(found.internal)),
        tuple(sorted(found.cluster_ips)),
        tuple(sorted(found.external)),
        tuple(sorted(found.pending)),
        tuple(sorted(found.warnings)),
        found.usable,
    )


@dataclass(frozen=True, slots=True)
class _Target:
    """A Service or ServiceEntry: the workload ports of the ready instances behind each of its ports."""

    instances: dict[int, list[int]]
    cluster_ips: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    load_balancer: bool = False
    managed: bool = False


@dataclass
class _Findings:
    internal: set[str] = field(default_factory=set)
    cluster_ips: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    usable: bool = True

    def look(self, hostname: str, port: int, target: _Target) -> None:
        if target.instances.get(port):
            self.internal.add(f"{hostname}:{port}")
            self.cluster_ips.update(target.cluster_ips)
            self.external.update(target.external)
            if target.load_balancer and not target.external and hostname not in self.pending:
                self.pending.add(hostname)
                self.warnings.append(f'address pending for hostname "{hostname}"')
            return
        if not any(target.instances.values()):
            self.warnings.append(f'no instances found for hostname "{hostname}"')
            return
        meant = sorted(
            str(service_port) for service_port, behind in target.instances.items() if port in behind
        )
        missing = f'port {port} not found for hostname "{hostname}"'
        if meant:
            self.usable = False
            self.warnings.append(
                f"{missing} (hint: the service port should be specified, not the workload port. "
                f"Did you mean one of these ports: [{' '.join(meant)}]?)"
            )
        elif not (target.managed and port in target.instances):
            self.usable = False
            self.warnings.append(missing)


def _services(gateway: Object, info: ClassInfo, settings: Settings) -> tuple[list[str], Condition | None]:
    own = f"{namespace_of(gateway)}.svc.{settings.domain}"
    if is_managed(gateway):
        return [f"{deployed_name(gateway, info)}.{own}"], None
    addresses = gateway["spec"]["addresses"]
    named = [address for address in addresses if address.get("type", "Hostname") == "Hostname"]
    hostnames = [
        address["value"] if "." in address["value"] else f"{address['value']}.{own}" for address in named
    ]
    skipped = " ".join(address["value"] for address in addresses if address not in named)
    if not skipped:
        return hostnames, None
    message = f"only Hostname is supported, ignoring [{skipped}]"
    return hostnames, Condition("Accepted", False, "UnsupportedAddress", message)


def _target(hostname: str, namespace: str, reader: Reader, settings: Settings) -> _Target | None:
    name, _, domain = hostname.partition(".")
    if domain == f"{namespace}.svc.{settings.domain}":
        service = reader.get(SERVICES, namespace, name)
        return _of_service(service, reader) if service else None
    for entry in reader.all(SERVICE_ENTRIES, namespace):
        if hostname in (entry["spec"].get("hosts") or []):
            return _of_entry(entry)
    return None


def _missing(hostname: str, namespace: str, reader: Reader, settings: Settings) -> str:
    elsewhere = [
        f'"{name_of(other)}"'
        for other in reader.all(NAMESPACES)
        if name_of(other) != namespace and _target(hostname, name_of(other), reader, settings)
    ]
    if elsewhere:
        return (
            f'hostname "{hostname}" not found in namespace "{namespace}", '
            f"but it was found in namespace(s) {', '.join(elsewhere)}"
        )
    return f'hostname "{hostname}" not found'


def _of_service(service: Object, reader: Reader) -> _Target:
    spec = service["spec"]
    slices = [
        found
        for found in reader.all(ENDPOINT_SLICES, namespace_of(service))
        if labels_of(found).get("kubernetes.io/service-name") == name_of(service)
    ]
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    balancers = [entry.get("ip") or entry["hostname"] for entry in ingress]
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP") or "None"]
    return _Target(
        {port["port"]: list(_ready(port.get("name", ""), slices)) for port in spec.get("ports") or []},
        tuple(address for address in addresses if address != "None"),
        (*balancers, *(spec.get("externalIPs") or [])),
        load_balancer=spec.get("type") == "LoadBalancer",
        managed=GATEWAY_MANAGED in labels_of(service),
    )


def _ready(port_name: str, slices: Iterable[Object]) -> Iterable[int]:
    for found in slices:
        for port in found.get("ports") or []:
            if (port.get("name") or "") == port_name:
                for endpoint in found.get("endpoints") or []:
                    if (endpoint.get("conditions") or {}).get("ready", True):
                        yield port["port"]


def _of_entry(entry: Object) -> _Target:
    ports, endpoints = entry["spec"].get("ports") or [], entry["spec"].get("endpoints") or []
    return _Target(
        {port["number"]: [port.get("targetPort", port["number"])] * len(endpoints) for port in ports}
    )
