"""TLS that a proxy begins itself with whom it sends to: `tls` of a DestinationRule's policy.

Towards pods of the mesh DISABLE and ISTIO_MUTUAL change nothing, because ztunnel is on the way. A proxy has
no certificate of its own to show outside, so MUTUAL is like SIMPLE.
Upstream: istio/istio pilot/pkg/networking/core/cluster_tls.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.destination_rules import TrafficPolicy
from pocketmesh.istio.mesh.model import Protocol
from pocketmesh.node.process import BUNDLE
from pocketmesh.objects import Object

_ORIGINATED: Final = frozenset({"SIMPLE", "MUTUAL"})
_NO_CERTIFICATE: Final = "00" * 32
_TRUST: Final = ("credentialName", "caCertificates")
_SYSTEM: Final = frozenset({"system", BUNDLE})


def transport(policy: TrafficPolicy, protocol: Protocol) -> Json:
    """The fields of a cluster for its TLS; none when it speaks plain text."""
    tls = policy.tls
    if tls.get("mode") not in _ORIGINATED:
        return {}
    common: Json = (
        {} if tls.get("insecureSkipVerify") else {"validation_context": _validation(tls, policy.authorities)}
    )
    if protocol == "http2":
        common["alpn_protocols"] = ["h2"]
    sni = {"sni": tls["sni"]} if tls.get("sni") else {}
    kind = "extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    socket = typed("envoy.transport_sockets.tls", kind, common_tls_context=common, **sni)
    return {"transport_socket": socket}


def by_request(tls: Object) -> Json:
    """What of the server's name each request decides: `upstream_http_protocol_options`, empty for nothing."""
    if tls.get("mode") not in _ORIGINATED or tls.get("sni"):
        return {}
    verified = not tls.get("insecureSkipVerify") and not tls.get("subjectAltNames")
    return {"auto_sni": True, **({"auto_san_validation": True} if verified else {})}


def _validation(tls: Object, authorities: Mapping[str, str]) -> Json:
    named = next((tls[field] for field in _TRUST if tls.get(field)), "")
    trusted = authorities.get("" if named in _SYSTEM else named, "")
    if not trusted:
        return {"verify_certificate_hash": [_NO_CERTIFICATE]}
    names = tls.get("subjectAltNames") or ([tls["sni"]] if tls.get("sni") else [])
    found: Json = {"trusted_ca": {"inline_string": trusted}}
    if names:
        found["match_typed_subject_alt_names"] = [_name(name) for name in names]
    return found


def _name(name: str) -> Json:
    return {"san_type": "URI" if "://" in name else "DNS", "matcher": {"exact": name}}
