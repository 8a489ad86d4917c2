"""Lines of ztunnel's access log (istio/ztunnel src/proxy/metrics.rs)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pocketmesh.clock import rfc3339_micro
from pocketmesh.istio.mesh.model import Workload

Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Access:
    """What one ztunnel knows of one connection; the byte counts are as the protected workload sees them."""

    direction: Direction
    source: str
    destination: str
    hbone: str = ""
    service: str = ""
    service_namespace: str = ""
    source_workload: Workload | None = None
    source_identity: str = ""
    destination_workload: Workload | None = None
    destination_identity: str = ""


def line(
    access: Access, now: datetime, *, sent: int, received: int, seconds: float, error: str = ""
) -> bytes:
    """The line that is written when a connection ends; at level error when it failed."""
    words = [f"src.addr={access.source}"]
    if access.source_workload is not None:
        words += _of("src", access.source_workload)
    if access.source_identity:
        words.append(f'src.identity="{access.source_identity}"')
    words.append(f"dst.addr={access.destination}")
    if access.hbone:
        words.append(f"dst.hbone_addr={access.hbone}")
    if access.service:
        words.append(f'dst.service="{access.service}"')
    if access.destination_workload is not None:
        words += _of("dst", access.destination_workload)
    if access.destination_identity:
        words.append(f'dst.identity="{access.destination_identity}"')
    words.append(f'direction="{access.direction}"')
    words.append(f"bytes_sent={sent}")
    words.append(f"bytes_recv={received}")
    words.append(f'duration="{int(seconds * 1000)}ms"')
    if error:
        words.append(f'error="{error}"')
    level = "error" if error else "info"
    return f"{rfc3339_micro(now)}\t{level}\taccess\tconnection complete\t{' '.join(words)}\n".encode()


def _of(side: str, workload: Workload) -> list[str]:
    return [f'{side}.workload="{workload.name}"', f'{side}.namespace="{workload.namespace}"']
