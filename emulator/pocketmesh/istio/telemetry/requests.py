"""What waypoints and gateways count of requests, made of Envoy's own records of them.

Istio compiles its statistics into Envoy; this Envoy has none, so they are made here, with Istio's names.
Source: https://istio.io/latest/docs/reference/config/metrics/.
"""

from __future__ import annotations

from typing import Final, Literal

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.telemetry.connections import MUTUAL_TLS, PLAIN, ConnectionMetrics
from pocketmesh.istio.telemetry.counting import BYTES, MILLISECONDS, Counter, Histogram, page
from pocketmesh.istio.telemetry.labels import peer, service

Reporter = Literal["waypoint", "source"]
_GRPC: Final = "application/grpc"


class ProxyMetrics:
    """The series of one waypoint's or gateway's pod, which tells of itself as `reporter`."""

    def __init__(self, reporter: Reporter, pod: Workload) -> None:
        self._reporter = reporter
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
            labels["request_protocol"] = "tcp"
            self._connections.opened(labels)
            self._connections.closed(labels, sent=record.sent, received=record.received, flags=record.flags)
            return
        grpc = record.content_type.startswith(_GRPC)
        labels |= {
            "request_protocol": "grpc" if grpc else "http",
            "response_code": str(record.code),
            "grpc_response_status": "" if record.grpc_status is None else str(record.grpc_status),
            "response_flags": record.flags or "-",
        }
        self._requests.add(labels)
        self._took.observe(labels, record.milliseconds)
        self._request_bytes.observe(labels, record.received)
        self._response_bytes.observe(labels, record.sent)

    def page(self) -> bytes:
        """What Prometheus reads."""
        own = (self._requests, self._took, self._request_bytes, self._response_bytes)
        return page((*own, *self._connections.series()))

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
