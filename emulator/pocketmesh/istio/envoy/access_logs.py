"""The access log of a waypoint, in Istio's text format.

Upstream: istio/istio pilot/pkg/model/telemetry_logging.go.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.records import record_log
from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.model import Mesh

_FORMAT: Final = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_METADATA(istio:host)%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_METADATA(istio:client)% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)


def access_logs(mesh: Mesh, layout: Layout) -> list[Json]:
    """Where each request is logged: to us always, to the learner if the mesh configuration says so."""
    records = record_log(layout.records)
    if not mesh.config.access_log_file:
        return [records]
    text = {"text_format_source": {"inline_string": _FORMAT}}
    kind = "extensions.access_loggers.file.v3.FileAccessLog"
    return [records, typed("envoy.access_loggers.file", kind, path="/dev/stdout", log_format=text)]
