"""What the data plane knows of the cluster: plain data, derived from objects and from nothing else.

`compile` makes it, `decide` and the configurations of Envoys read it. Whoever prints or traces the mesh
may read it as well, so each value keeps the name of the object that it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from pocketmesh.istio.mesh.attachments import Extension
from pocketmesh.istio.mesh.destination_rules import DestinationRule
from pocketmesh.istio.mesh.entries import Entry
from pocketmesh.istio.mesh.gateways import Listener
from pocketmesh.istio.mesh.mesh_config import MeshConfig
from pocketmesh.istio.mesh.modules import Module, Source
from pocketmesh.istio.mesh.policy import (
    L4Policy,
    PeerAuthentication,
    RequestAuthentication,
    WaypointPolicy,
)
from pocketmesh.istio.mesh.routing import Rule
from pocketmesh.istio.waypoints import HBONE_PORT, Binding, Waypoint
from pocketmesh.net.services import Place, ServicePort, ServiceTable
from pocketmesh.objects import Object, annotations_of, controller_of, labels_of, name_of, namespace_of

TRUST_DOMAIN: Final = "cluster.local"
ROOT_NAMESPACE: Final = "istio-system"
REDIRECTION: Final = "ambient.istio.io/redirection"
DNS_CAPTURE: Final = "ambient.istio.io/dns-capture"

Protocol = Literal["http", "http2", "tcp", "auto"]


def spiffe(namespace: str, service_account: str) -> str:
    """The identity that a service account's workloads prove with mTLS."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{service_account}"


@dataclass(frozen=True)
class Workload:
    """A pod that has an address of its own. `waypoint` is what traffic addressed to it goes through."""

    namespace: str
    name: str
    ip: str
    service_account: str
    labels: Mapping[str, str]
    ports: tuple[int, ...] = ()
    enrolled: bool = False
    asks_ztunnel: bool = False
    """Whether ztunnel answers what it asks of the name server."""
    waypoint: Place | None = None
    owner: str = ""
    """What the pod belongs to, such as its Deployment; `owner_kind` as in WorkloadType of Istio's dumps."""
    owner_kind: str = "pod"

    @cached_property
    def identity(self) -> str:
        return spiffe(self.namespace, self.service_account)

    @property
    def place(self) -> Place:
        return self.namespace, self.name

    @cached_property
    def canonical_name(self) -> str:
        """By label, else the app, else the owner (istio/istio pkg/model/proxy_labels.go)."""
        named = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
        return next((self.labels[key] for key in named if self.labels.get(key)), self.owner)

    @cached_property
    def canonical_revision(self) -> str:
        named = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
        return next((self.labels[key] for key in named if self.labels.get(key)), "latest")


def workload_of(pod: Object, ip: str, waypoint: Place | None = None) -> Workload:
    """A pod as a workload at an address."""
    spec = pod["spec"]
    ports = [port for item in spec.get("containers") or [] for port in item.get("ports") or []]
    owner, owner_kind = _origin(pod)
    enrolled = annotations_of(pod).get(REDIRECTION) == "enabled"
    return Workload(
        namespace=namespace_of(pod),
        name=name_of(pod),
        ip=ip,
        service_account=spec.get("serviceAccountName") or "default",
        labels=labels_of(pod),
        ports=tuple(int(port["containerPort"]) for port in ports),
        enrolled=enrolled,
        asks_ztunnel=enrolled and annotations_of(pod).get(DNS_CAPTURE) != "false",
        waypoint=waypoint,
        owner=owner,
        owner_kind=owner_kind,
    )


def _origin(pod: Object) -> tuple[str, str]:
    """The workload that a pod belongs to and its type (pkg/kube/controllers, GetDeployMetaFromPod)."""
    owner = controller_of(pod)
    if owner is None:
        return name_of(pod), "pod"
    suffix = f"-{labels_of(pod).get('pod-template-hash', '')}"
    match owner["kind"]:
        case "ReplicaSet" if len(suffix) > 1 and owner["name"].endswith(suffix):
            return owner["name"].removesuffix(suffix), "deployment"
        case "Job":
            return owner["name"], "job"
        case _:
            return owner["name"], "pod"


def machine_of(entry: Object, ip: str, waypoint: Place | None = None) -> Workload:
    """A WorkloadEntry as a workload at an address; ztunnel knows none of its like to be enrolled."""
    spec = entry["spec"]
    return Workload(
        namespace=namespace_of(entry),
        name=name_of(entry),
        ip=ip,
        service_account=spec.get("serviceAccount") or "default",
        labels={**labels_of(entry), **(spec.get("labels") or {})},
        ports=tuple(int(port) for port in (spec.get("ports") or {}).values()),
        waypoint=waypoint,
        owner=name_of(entry),
    )


@dataclass(frozen=True, slots=True)
class World:
    """What is outside the mesh: the address of each name, and the authority that signs certificates there,
    in PEM."""

    names: Mapping[str, str] = field(default_factory=dict)
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Mesh:
    """The whole mesh at one moment.

    `services` are Kubernetes' and, by their hosts, those of ServiceEntries, of which `entries` says more.
    `workloads` are by address, `hosts` the Services by their full names, `bindings` by Service, `waypoints`
    and `classes` (the GatewayClass) by Gateway, `routes` and `tcp_routes` by the Service that they are about,
    `targeted` policies by their targets: ("Service", ns, name), ("Gateway", …) or ("GatewayClass", "", name),
    as are `authentications`. `untargeted` and `selecting` are those without targets, which gateways obey and
    waypoints do not. `keys` are the issuers' key sets by the URI that istiod fetched them from, `gateways`
    what those of class `istio` listen for. `modules` are those that a proxy has: each adds its own.
    """

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    services: ServiceTable = field(default_factory=lambda: ServiceTable({}, {}))
    entries: Mapping[Place, Entry] = field(default_factory=dict)
    hosts: Mapping[str, Place] = field(default_factory=dict)
    bindings: Mapping[Place, Binding] = field(default_factory=dict)
    waypoints: Mapping[Place, Waypoint] = field(default_factory=dict)
    classes: Mapping[Place, str] = field(default_factory=dict)
    routes: Mapping[Place, tuple[Rule, ...]] = field(default_factory=dict)
    tcp_routes: Mapping[Place, tuple[Rule, ...]] = field(default_factory=dict)
    destination_rules: tuple[DestinationRule, ...] = ()
    l4_policies: tuple[L4Policy, ...] = ()
    peer_authentications: tuple[PeerAuthentication, ...] = ()
    targeted: Mapping[tuple[str, str, str], tuple[WaypointPolicy, ...]] = field(default_factory=dict)
    authentications: Mapping[tuple[str, str, str], tuple[RequestAuthentication, ...]] = field(
        default_factory=dict
    )
    untargeted: tuple[WaypointPolicy, ...] = ()
    selecting: tuple[RequestAuthentication, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[Place, tuple[Listener, ...]] = field(default_factory=dict)
    telemetries: tuple[Extension, ...] = ()
    envoy_filters: tuple[Extension, ...] = ()
    wasm_plugins: tuple[Extension, ...] = ()
    traffic_extensions: tuple[Extension, ...] = ()
    config: MeshConfig = field(default_factory=MeshConfig)
    authorities: Mapping[str, str] = field(default_factory=dict)
    world: World = field(default_factory=World)
    modules: Mapping[Source, Module] = field(default_factory=dict)

    def waypoint_of(self, service: Place) -> Place | None:
        """The waypoint that traffic to a Service goes through."""
        binding = self.bindings.get(service)
        return binding.waypoint if binding else None

    def object_of(self, service: Place) -> tuple[str, str, str]:
        """Kind, namespace and name of the object that describes a service."""
        entry = self.entries.get(service)
        return ("ServiceEntry", service[0], entry.name) if entry else ("Service", *service)

    def port(self, host: str, port: int) -> ServicePort | None:
        """A TCP port of what has this full name."""
        service = self.hosts.get(host)
        return None if service is None else self.services.port(service, port)

    def labels_at(self, ip: str) -> Mapping[str, str]:
        """The labels of the pod that has an address; none when no pod has it."""
        workload = self.workloads.get(ip)
        return workload.labels if workload else {}

    def instances(self, waypoint: Place) -> tuple[str, ...]:
        """The addresses of a waypoint's pods that take traffic."""
        found = self.waypoints.get(waypoint)
        for address in found.addresses if found else ():
            if port := self.services.at(address, HBONE_PORT):
                return tuple(endpoint.ip for endpoint in port.ready)
        return ()


_HTTP: Final = frozenset({"http", "grpc-web", "kubernetes.io/ws"})
_HTTP2: Final = frozenset({"http2", "grpc", "kubernetes.io/h2c"})
_TCP: Final = frozenset(
    {"tcp", "tls", "https", "mongo", "mysql", "redis", "udp", "hbone", "kubernetes.io/wss"}
)


def protocol_of(port: ServicePort) -> Protocol:
    """How a waypoint treats a port: by appProtocol, else by the name up to its first dash, else it
    looks at the first bytes (istio/istio pkg/config/kube/conversion.go)."""
    for hint in (port.app_protocol.lower(), port.name.lower(), port.name.lower().partition("-")[0]):
        if hint in _HTTP:
            return "http"
        if hint in _HTTP2:
            return "http2"
        if hint in _TCP:
            return "tcp"
    return "auto"
