"""Who is connected to istiod and whether it is up to date: what `istioctl proxy-status` and `version` ask.

As JSON over HTTP, and as an xDS response in protobuf, which is written by hand: the few messages that it
takes are no reason for a library. Upstream: istio/istio pilot/pkg/xds/{debug,statusgen}.go,
envoyproxy/envoy api/envoy/service/{discovery,status}/v3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import orjson

from pocketmesh.objects import Object
from pocketmesh.versions import ISTIO

DEBUG_SYNCZ: Final = "istio.io/debug/syncz"

_TYPE: Final = "type.googleapis.com/"
_CLUSTER: Final = "Kubernetes"
_SYNCED: Final = 1
_ENVOY: Final = (
    "envoy.config.cluster.v3.Cluster",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.config.listener.v3.Listener",
    "envoy.config.route.v3.RouteConfiguration",
)
_SUBSCRIPTIONS: Final = {
    "waypoint": _ENVOY,
    "router": _ENVOY,
    "ztunnel": ("istio.security.Authorization", "istio.workload.Address"),
}

_BUILD: Final = {
    "version": ISTIO,
    "revision": "pocketmesh",
    "golang_version": "none",
    "status": "Clean",
    "tag": ISTIO,
}
"""istio/istio pkg/version/version.go, BuildInfo."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A connected proxy, which is always up to date: the mesh is handed over within the process."""

    namespace: str
    name: str
    kind: Literal["waypoint", "router", "ztunnel"]
    since: datetime

    @property
    def id(self) -> str:
        return f"{self.name}.{self.namespace}"


def syncz(proxies: Iterable[Proxy]) -> bytes:
    """The answer of `/debug/syncz`."""
    return orjson.dumps([_entry(proxy) for proxy in proxies])


def _entry(proxy: Proxy) -> Object:
    return {
        "cluster_id": _CLUSTER,
        "proxy": proxy.id,
        "proxy_type": proxy.kind,
        "istio_version": ISTIO,
    }


def discovery_response(kind: str, istiod: str, proxies: Sequence[Proxy]) -> bytes:
    """A DiscoveryResponse of a debug type; `istiod` is the name of the pod that answers. Types that are
    not known here have no resources."""
    resources = [_any("envoy.service.status.v3.ClientConfig", _client_config(proxy)) for proxy in proxies]
    identifier = orjson.dumps({"Component": "istiod", "ID": istiod, "Info": _BUILD})
    return b"".join(
        (
            *(_bytes(2, resource) for resource in (resources if kind == DEBUG_SYNCZ else ())),
            _bytes(4, kind.encode()),
            _bytes(6, _bytes(1, identifier)),
        )
    )


def requested_type(request: bytes) -> str:
    """The type URL of a DiscoveryRequest; empty when it names none. Raises ValueError."""
    position = 0
    while position < len(request):
        tag, position = _read_varint(request, position)
        if tag & 7 == 2:
            length, position = _read_varint(request, position)
            if tag >> 3 == 4:
                return request[position : position + length].decode()
            position += length
        elif tag & 7 == 0:
            _, position = _read_varint(request, position)
        else:
            raise ValueError("a field of a type that a DiscoveryRequest does not have")
    return ""


def _client_config(proxy: Proxy) -> bytes:
    metadata = {"CLUSTER_ID": _CLUSTER, "ISTIO_VERSION": ISTIO, "NAMESPACE": proxy.namespace}
    node = _bytes(1, proxy.id.encode()) + _bytes(3, _struct(metadata))
    updated = _number(1, int(proxy.since.timestamp()))
    configs = (
        _bytes(1, (_TYPE + name).encode()) + _bytes(5, updated) + _number(6, _SYNCED)
        for name in _SUBSCRIPTIONS[proxy.kind]
    )
    return _bytes(1, node) + b"".join(_bytes(3, config) for config in configs)


def _struct(fields: dict[str, str]) -> bytes:
    """google.protobuf.Struct of strings: a map is a repeated message of key (1) and value (2)."""
    entries = (
        _bytes(1, name.encode()) + _bytes(2, _bytes(3, value.encode())) for name, value in fields.items()
    )
    return b"".join(_bytes(1, entry) for entry in entries)


def _any(name: str, value: bytes) -> bytes:
    return _bytes(1, (_TYPE + name).encode()) + _bytes(2, value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("a number that does not end")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
