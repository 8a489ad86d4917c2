"""What Envoy did with each request, told to us through a pipe of its own beside the learner's access log.

Metrics and traces are made of it, so they say what happened and not what should have.
Fields: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from pocketmesh.istio.envoy.xds import CEL, PEER_PRINCIPAL, Json, typed

_CHUNK: Final = 65536
_FIELDS: Final = {
    "request_id": "%REQ(X-REQUEST-ID)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "protocol": "%PROTOCOL%",
    "content_type": "%REQ(CONTENT-TYPE)%",
    "code": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "termination": "%CONNECTION_TERMINATION_DETAILS%",
    "trouble": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "upstream_tls": "%UPSTREAM_TLS_VERSION%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream": "%UPSTREAM_REMOTE_ADDRESS%",
    "identity": f"%FILTER_STATE({PEER_PRINCIPAL}:PLAIN)%",
    "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "dialled": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "milliseconds": "%DURATION%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One request, or one connection that is not of HTTP: `method` is then empty and `code` 0.

    `source` and `dialled` are `ip:port` as the client has them, `upstream` as `ip:port` of the pod, empty
    when none was connected to.
    """

    request_id: str = ""
    method: str = ""
    path: str = ""
    authority: str = ""
    protocol: str = ""
    content_type: str = ""
    code: int = 0
    grpc_status: int | None = None
    flags: str = ""
    details: str = ""
    termination: str = ""
    trouble: str = ""
    attempts: int = 0
    route: str = ""
    cluster: str = ""
    upstream: str = ""
    upstream_tls: str = ""
    """The version of TLS that the proxy spoke to it itself."""
    identity: str = ""
    source: str = ""
    dialled: str = ""
    milliseconds: int = 0
    received: int = 0
    sent: int = 0
    tags: Mapping[str, Any] = field(default_factory=dict)
    """What Envoy made of CEL expressions, by the expressions."""


Take = Callable[[Record], None]


def record_log(pipe: Path, expressions: Iterable[str] = ()) -> Json:
    """The access logger that writes records to a named pipe; Envoy evaluates the CEL expressions."""
    kind = "extensions.access_loggers.file.v3.FileAccessLog"
    tags = {expression: f"%CEL({expression})%" for expression in expressions}
    form: Json = {"json_format": _FIELDS}
    if tags:
        cel = typed("envoy.formatter.cel", "extensions.formatter.cel.v3.Cel", cel_config=CEL)
        form = {"json_format": {**_FIELDS, "tags": tags}, "formatters": [cel]}
    return typed("envoy.access_loggers.file", kind, path=str(pipe), log_format=form)


def parse(line: bytes) -> Record:
    """A record from its line. Raises ValueError for anything else."""
    told: dict[str, Any] = {
        name: value for name, value in orjson.loads(line).items() if value not in (None, "-")
    }
    # Envoy's upstreams are sockets whose file is called after the pod's address.
    told["upstream"] = str(told.get("upstream", "")).rpartition("/")[2]
    return Record(**told)


class RecordReader:
    """Reads records for as long as the block runs, and hands each to `take`."""

    def __init__(self, pipe: Path, take: Take) -> None:
        self._pipe = pipe
        self._take = take
        self._begun = b""
        self._descriptor = -1

    def __enter__(self) -> None:
        os.mkfifo(self._pipe, 0o600)
        # Open for writing as well, or Envoy would wait for us and we would see an end when it goes.
        self._descriptor = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        lines = (self._begun + os.read(self._descriptor, _CHUNK)).split(b"\n")
        self._begun = lines.pop()
        for line in lines:
            self._take(parse(line))
