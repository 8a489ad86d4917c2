"""What is counted of TCP connections, by ztunnel and, where a port is not HTTP, by a waypoint.

Source: istio/ztunnel src/proxy/metrics.rs; the names are those of Istio's standard TCP metrics.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.telemetry.counting import Counter, Histogram, page
from pocketmesh.istio.telemetry.labels import Labels

MUTUAL_TLS: Final = "mutual_tls"
PLAIN: Final = "unknown"


class ConnectionMetrics:
    """The series of one proxy."""

    def __init__(self) -> None:
        self._opened = Counter("istio_tcp_connections_opened", "The total number of TCP connections opened")
        self._closed = Counter("istio_tcp_connections_closed", "The total number of TCP connections closed")
        self._failed = Counter(
            "istio_tcp_connections_failed", "The total number of TCP connections that failed"
        )
        self._sent = Counter("istio_tcp_sent_bytes", "The size of total bytes sent during response")
        self._received = Counter(
            "istio_tcp_received_bytes", "The size of total bytes received during request"
        )

    def opened(self, labels: Labels) -> None:
        self._opened.add({**labels, "response_flags": "-"})

    def closed(self, labels: Labels, *, sent: int, received: int, flags: str = "") -> None:
        """`sent` to the client and `received` from it, in bytes; `flags` when it failed, such as `DENY`."""
        plain = {**labels, "response_flags": "-"}
        self._closed.add(plain)
        self._sent.add(plain, sent)
        self._received.add(plain, received)
        if flags:
            self._failed.add({**labels, "response_flags": flags})

    def whole(self, sent: int, received: int) -> tuple[tuple[Counter, float], ...]:
        """What a whole connection adds to each series of those that do not fail."""
        return (self._opened, 1), (self._closed, 1), (self._sent, sent), (self._received, received)

    def page(self) -> bytes:
        """What Prometheus reads."""
        return page(self.series())

    def series(self) -> tuple[Counter | Histogram, ...]:
        return (self._opened, self._closed, self._failed, self._sent, self._received)
