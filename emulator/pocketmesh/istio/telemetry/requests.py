"""What waypoints and gateways count of requests, made of Envoy's own records of them.

Istio compiles its statistics into Envoy; this Envoy has none, so they are made here, with Istio's names.
Source: https://istio.io/latest/docs/reference/config/metrics/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.attachments import Proxy, ProxyKind
from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.mesh.telemetry import UNCHANGED, Changes, metrics_plan
from pocketmesh.istio.telemetry.connections import MUTUAL_TLS, PLAIN, ConnectionMetrics
from pocketmesh.istio.telemetry.counting import BYTES, MILLISECONDS, Counter, Histogram, page
from pocketmesh.istio.telemetry.labels import UNKNOWN, Labels, peer, service
from pocketmesh.istio.telemetry.programs import build
from pocketmesh.net.services import Place

_GRPC: Final = "application/grpc"


class ProxyMetrics:
    """The series of one pod of a waypoint or gateway, as far as Telemetries want them."""

    def __init__(self, kind: ProxyKind, gateway: Place, pod: Workload) -> None:
        self._kind = kind
        self._gateway = gateway
        self._reporter = "waypoint" if kind == "waypoint" else "source"
        self._pod = pod
        self._requests = Counter("istio_requests", "The total number of requests")
        self._took = Histogram(
            "istio_request_duration_milliseconds", "How long requests took, in milliseconds", MILLISECONDS
        )
        self._request_bytes = Histogram("istio_request_bytes", "The sizes of requests' bodies", BYTES)
        self._response_bytes = Histogram("istio_response_bytes", "The sizes of answers' bodies", BYTES)
        self._connections = ConnectionMetrics()

    def count(self, mesh: Mesh, record: Record) -> None:
        """Takes in a request or a connection that is over."""
        labels = self._labels(mesh, record)
        if not record.method:
            labels |= {"request_protocol": "tcp", "response_flags": record.flags or "-"}
            amounts: tuple[tuple[Counter | Histogram, float], ...] = self._connections.whole(
                record.sent, record.received
            )
        else:
            grpc = record.content_type.startswith(_GRPC)
            labels |= {
                "request_protocol": "grpc" if grpc else "http",
                "response_code": str(record.code),
                "grpc_response_status": "" if record.grpc_status is None else str(record.grpc_status),
                "response_flags": record.flags or "-",
            }
            amounts = (
                (self._requests, 1),
                (self._took, record.milliseconds),
                (self._request_bytes, record.received),
                (self._response_bytes, record.sent),
            )
        plan = self._plan(mesh, record)
        for series, amount in amounts:
            changes = plan.get(series.name, UNCHANGED)
            if not changes.disabled:
                series.add(changed(labels, changes, record.tags), amount)

    def page(self) -> bytes:
        """What Prometheus reads."""
        own = (self._requests, self._took, self._request_bytes, self._response_bytes)
        return page((build("agent", "proxy"), *own, *self._connections.series()))

    def _plan(self, mesh: Mesh, record: Record) -> dict[str, Changes]:
        proxy = Proxy(self._kind, *self._gateway, mesh.classes.get(self._gateway, ""), self._pod.labels)
        place = mesh.hosts.get(record.cluster.rpartition("|")[2])
        return metrics_plan(mesh, proxy, mesh.object_of(place) if place else None)

    def _labels(self, mesh: Mesh, record: Record) -> dict[str, str]:
        host = record.cluster.rpartition("|")[2]
        client = mesh.workloads.get(record.source.rpartition(":")[0])
        end = mesh.workloads.get(record.upstream.rpartition(":")[0])
        if self._reporter == "source":
            client = self._pod
        identity = record.identity or (self._pod.identity if self._reporter == "source" else "")
        secure = end is not None and end.enrolled if self._reporter == "source" else bool(identity)
        return {
            "reporter": self._reporter,
            **peer("source", client, identity),
            **peer("destination", end, end.identity if end and end.enrolled else ""),
            **service(host, mesh.hosts.get(host, ("", ""))[0]),
            "connection_security_policy": MUTUAL_TLS if secure else PLAIN,
        }


def changed(labels: Labels, changes: Changes, tags: Mapping[str, Any]) -> Labels:
    """Labels with what a Telemetry sets and removes; `tags` are what Envoy made of its expressions."""
    if changes is UNCHANGED:
        return labels
    kept = {name: value for name, value in labels.items() if name not in changes.removed}
    return kept | {name: _text(tags.get(expression)) for name, expression in changes.set.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return UNKNOWN if value in (None, "-") else str(value)
