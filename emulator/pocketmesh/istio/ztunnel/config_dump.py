"""What ztunnel answers at `/config_dump`: the mesh in its own form, which `istioctl ztunnel-config` prints.

Derived from the mesh that it acts on, so what is printed is what is done. It leaves out what nothing here
has: networks, localities, capacities other than one. Upstream: istio/ztunnel src/admin.rs,
src/state/{workload,service}.rs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pocketmesh.istio.mesh.model import TRUST_DOMAIN, Mesh, Workload
from pocketmesh.istio.mesh.mutual_tls import STATIC_STRICT, converted_policies, mtls_policy
from pocketmesh.istio.mesh.policy import L4Policy, Term
from pocketmesh.istio.waypoints import HBONE_PORT
from pocketmesh.net.services import Endpoint, Place, ServicePort, host_of
from pocketmesh.objects import Object, is_true, uid_of
from pocketmesh.versions import ISTIO

CLUSTER: Final = "Kubernetes"


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A connection that goes on, as the ztunnel of `workload` (an address) sees it."""

    workload: str
    direction: Literal["inbound", "outbound"]
    source: str
    dialled: str
    destination: str
    tunnelled: bool


def config_dump(
    mesh: Mesh,
    pods: Mapping[str, Object],
    connections: Sequence[OpenConnection],
    certificates: Sequence[Object],
) -> Object:
    """The whole dump; `pods` are the Pods by address."""
    workloads = [_workload(mesh, work, pods[ip]) for ip, work in mesh.workloads.items() if ip in pods]
    others = {
        (_endpoint_uid(mesh, port.service, endpoint, pods), port.service, endpoint.ip)
        for ports in mesh.services.ports.values()
        for port in ports
        for endpoint in port.endpoints
        if endpoint.ip not in pods
    }
    workloads += [_other_workload(mesh, uid, service, ip) for uid, service, ip in sorted(others)]
    return {
        "workloads": workloads,
        "services": [_service(mesh, place, pods) for place in mesh.services.ports],
        "policies": [*(_policy(policy) for policy in mesh.l4_policies), *_mtls_policies(mesh)],
        "certificates": list(certificates),
        "workloadState": _states(mesh, pods, connections),
        "staticConfig": {"workloads": [], "services": [], "policies": []},
        "version": {"version": ISTIO, "gitRevision": "pocketmesh", "buildStatus": "Clean"},
    }


def _workload(mesh: Mesh, workload: Workload, pod: Object) -> Object:
    return {
        "workloadIps": [workload.ip],
        **_through(mesh, workload.waypoint),
        "protocol": "HBONE" if workload.enrolled else "TCP",
        "uid": _uid(pod),
        "name": workload.name,
        "namespace": workload.namespace,
        "trustDomain": TRUST_DOMAIN,
        "serviceAccount": workload.service_account,
        "workloadName": workload.owner,
        "workloadType": workload.owner_kind,
        "canonicalName": workload.canonical_name,
        "canonicalRevision": workload.canonical_revision,
        "node": pod["spec"].get("nodeName", ""),
        "authorizationPolicies": _policies_of(mesh, workload),
        "status": "Healthy" if is_true(pod, "Ready") else "Unhealthy",
        "clusterId": CLUSTER,
        "locality": {},
        "capacity": 1,
    }


def _other_workload(mesh: Mesh, uid: str, service: Place, ip: str) -> Object:
    """An address behind a service that is no pod's: a WorkloadEntry's, a host's outside, the API server's."""
    machine = mesh.workloads.get(ip)
    namespace, name = machine.place if machine else mesh.object_of(service)[1:]
    return {
        "workloadIps": [ip],
        **_through(mesh, machine.waypoint if machine else None),
        "protocol": "TCP",
        "uid": uid,
        "name": name,
        "namespace": namespace,
        "serviceAccount": machine.service_account if machine else "",
        "workloadName": name,
        "workloadType": "pod",
        "canonicalName": name,
        "canonicalRevision": "latest",
        "node": "",
        "status": "Healthy",
        "clusterId": CLUSTER,
        "locality": {},
        "capacity": 1,
    }


def _service(mesh: Mesh, place: Place, pods: Mapping[str, Object]) -> Object:
    _, namespace, name = mesh.object_of(place)
    ports = [port for port in mesh.services.ports[place] if port.protocol == "TCP"]
    found: dict[str, Object] = {}
    for port in ports:
        for endpoint in port.ready:
            uid = _endpoint_uid(mesh, place, endpoint, pods)
            entry = found.setdefault(uid, {"workloadUid": uid, "port": {}, "status": "Healthy"})
            entry["port"][str(port.port)] = endpoint.port
    return {
        "name": name,
        "namespace": namespace,
        "hostname": host_of(place),
        "vips": [f"/{ip}" for ip, owner in mesh.services.addresses.items() if owner == place],
        "ports": {str(port.port): _target(port) for port in ports},
        "endpoints": found,
        "subjectAltNames": [],
        **_through(mesh, mesh.waypoint_of(place)),
        "ipFamilies": "IPv4",
        "canonical": True,
    }


def _target(port: ServicePort) -> int:
    return port.endpoints[0].port if port.endpoints else port.port


def _endpoint_uid(mesh: Mesh, service: Place, endpoint: Endpoint, pods: Mapping[str, Object]) -> str:
    if endpoint.ip in pods:
        return _uid(pods[endpoint.ip])
    if endpoint.ip in mesh.workloads:
        place = mesh.workloads[endpoint.ip].place
        return f"{CLUSTER}/networking.istio.io/WorkloadEntry/{'/'.join(place)}"
    kind, *place_of_kind = mesh.object_of(service)
    group = "networking.istio.io/ServiceEntry" if kind == "ServiceEntry" else "discovery.k8s.io/EndpointSlice"
    return f"{CLUSTER}/{group}/{'/'.join(place_of_kind)}/{endpoint.ip}"


def _uid(pod: Object) -> str:
    metadata = pod["metadata"]
    return f"{CLUSTER}//Pod/{metadata['namespace']}/{metadata['name']}"


def _through(mesh: Mesh, waypoint: Place | None) -> Object:
    if waypoint is None:
        return {}
    return {"waypoint": {"destination": f"{waypoint[0]}/{host_of(waypoint)}", "hboneMtlsPort": HBONE_PORT}}


def _policies_of(mesh: Mesh, workload: Workload) -> list[str]:
    """The policies that select a workload; those of its whole namespace or mesh are not repeated here."""
    own = [
        policy.shown
        for policy in mesh.l4_policies
        if policy.selector and policy.applies(workload.namespace, workload.labels)
    ]
    tls = mtls_policy(mesh.peer_authentications, workload.namespace, workload.labels)
    return [*own, tls.shown] if tls else own


def _policy(policy: L4Policy) -> Object:
    scope = "WorkloadSelector" if policy.selector else "Namespace" if policy.scope else "Global"
    return {
        "name": policy.name,
        "namespace": policy.namespace,
        "scope": scope,
        "action": policy.action.capitalize(),
        "rules": [[[_match(terms) for terms in clause] for clause in rule.clauses] for rule in policy.rules],
    }


def _mtls_policies(mesh: Mesh) -> list[Object]:
    """Those that PeerAuthentications are converted to; the static one is there as soon as there is any."""
    if not mesh.peer_authentications:
        return []
    static = {**_policy(STATIC_STRICT), "scope": "WorkloadSelector"}
    return [*(_policy(policy) for policy in converted_policies(mesh.peer_authentications)), static]


_NAMES: Final = {
    "principal": "principals",
    "namespace": "namespaces",
    "source.ip": "sourceIps",
    "destination.ip": "destinationIps",
    "destination.port": "destinationPorts",
}


def _match(terms: Iterable[Term]) -> Object:
    found: Object = {}
    for term in terms:
        name = _NAMES[term.attribute]
        key = f"not{name[0].upper()}{name[1:]}" if term.negated else name
        found[key] = [_value(term.attribute, value) for value in term.values]
    return found


def _value(attribute: str, value: str) -> object:
    if attribute == "destination.port":
        return int(value)
    if attribute.endswith(".ip"):
        return value
    if value == "*":
        return {"Presence": {}}
    if value.startswith("*"):
        return {"Suffix": value[1:]}
    return {"Prefix": value[:-1]} if value.endswith("*") else {"Exact": value}


def _states(mesh: Mesh, pods: Mapping[str, Object], connections: Sequence[OpenConnection]) -> Object:
    states: Object = {}
    for ip, workload in mesh.workloads.items():
        if not workload.enrolled or ip not in pods:
            continue
        own = [connection for connection in connections if connection.workload == ip]
        states[uid_of(pods[ip])] = {
            "state": "Up",
            "connections": {
                direction: [_connection(entry) for entry in own if entry.direction == direction]
                for direction in ("inbound", "outbound")
            },
            "info": {
                "name": workload.name,
                "namespace": workload.namespace,
                "trustDomain": TRUST_DOMAIN,
                "serviceAccount": workload.service_account,
            },
        }
    return states


def _connection(connection: OpenConnection) -> Object:
    return {
        "src": connection.source,
        "originalDst": connection.dialled,
        "actualDst": connection.destination,
        "protocol": "HBONE" if connection.tunnelled else "TCP",
    }
