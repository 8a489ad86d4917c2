"""The few shapes that all parts of an Envoy configuration share."""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeAlias

import orjson

Json: TypeAlias = dict[str, Any]

DISCOVERY: Final = "discovery"
"""The cluster of whoever knows an Envoy's configuration."""
TYPES: Final = "type.googleapis.com/envoy."
IDENTITY_TLV: Final = 0xEA
"""The PROXY protocol's type-length-value that carries the client's SPIFFE id (of the custom range)."""
PEER_PRINCIPAL: Final = "io.istio.peer_principal"
"""The filter state that holds the client's SPIFFE id, named as in Istio's waypoints."""
PEER_ADDRESS: Final = "pocketmesh.peer_address"
"""The filter state that holds the client's address, which Envoy itself takes for that of a pipe."""

CEL: Final = {"enable_string_conversion": True, "enable_string_concat": True, "enable_string_functions": True}
"""What expressions may use beside the bare language, as in Istio's proxies."""

JWT_AUTHN: Final = "envoy.filters.http.jwt_authn"
"""The filter that validates tokens, and below which name its metadata are."""
JWT_PAYLOAD: Final = "payload"
"""Under which key of its metadata a token's payload is, as in Istio."""


def typed(name: str, kind: str, **fields: Any) -> Json:
    """A named extension with its configuration; `kind` is its type below `envoy.`."""
    return {"name": name, "typed_config": {"@type": TYPES + kind, **fields}}


def resource(kind: str, **fields: Any) -> Json:
    """A resource of a discovery response."""
    return {"@type": TYPES + kind, **fields}


def asked_for() -> Json:
    """A configuration source that is asked, and answers when there is something new."""
    source = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": [DISCOVERY],
        "refresh_delay": "0.002s",
        "request_timeout": "86400s",
    }
    return {"api_config_source": source, "resource_api_version": "V3"}


def response(*resources: Json) -> str:
    """A discovery response. Its version is made of its content, so equal content is no new version."""
    body = list(resources)
    version = hashlib.sha256(orjson.dumps(body)).hexdigest()[:16]
    return orjson.dumps({"version_info": version, "resources": body}).decode()


def version_of(text: str) -> str:
    """The version of a discovery response."""
    return str(orjson.loads(text)["version_info"])


def seconds(milliseconds: int) -> str:
    """A duration as JSON of protobuf writes it."""
    return f"{milliseconds / 1000:g}s"
