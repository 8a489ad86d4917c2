"""The access logs of waypoints and gateways: what the learner reads, and beside it what we read ourselves.

Upstream: istio/istio pilot/pkg/model/telemetry_logging.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.records import record_log
from pocketmesh.istio.envoy.xds import CEL, Json, typed
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.telemetry import Log, tag_expressions

_FORMAT: Final = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_METADATA(istio:host)%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_METADATA(istio:client)% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
_FIELDS: Final = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_METADATA(istio:host)%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_METADATA(istio:client)%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}
_STREAMS: Final = frozenset({"/dev/stdout", "/dev/stderr"})
_WITHOUT_QUERY: Final = "REQ_WITHOUT_QUERY"


def access_logs(mesh: Mesh, logs: Iterable[Log], layout: Layout) -> list[Json]:
    """Where each request is logged: to us always, to the learner as `logs` say. A log in another file than
    the container's output is not written: it would be a file of this machine."""
    wanted = (_file(log) for log in logs if log.path in _STREAMS)
    return [record_log(layout.records, tag_expressions(mesh)), *wanted]


def _file(log: Log) -> Json:
    kind = "extensions.access_loggers.file.v3.FileAccessLog"
    found = typed("envoy.access_loggers.file", kind, path=log.path, log_format=_format(log))
    if log.filter:
        cel = typed(
            "envoy.access_loggers.extension_filters.cel",
            "extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression=log.filter,
            cel_config=CEL,
        )
        found["filter"] = {"extension_filter": cel}
    return found


def _format(log: Log) -> Json:
    if log.json:
        fields = log.fields or _fields(log.text) or _FIELDS
        found: Json = {"json_format": fields}
    else:
        text = log.text or _FORMAT
        found = {"text_format_source": {"inline_string": text if text.endswith("\n") else f"{text}\n"}}
    found["formatters"] = list(_formatters(log))
    return found


def _fields(text: str) -> Json:
    """The fields that a mesh's format in JSON gives; none when it is not JSON, as istiod then says."""
    try:
        found = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _formatters(log: Log) -> Iterator[Json]:
    """The formatters that Envoy must be told of before a format may use them."""
    if _WITHOUT_QUERY in log.text or _WITHOUT_QUERY in str(log.fields):
        kind = "extensions.formatter.req_without_query.v3.ReqWithoutQuery"
        yield typed("envoy.formatter.req_without_query", kind)
