"""What istiod says about each listener of a Gateway, and which routes a listener admits.

Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go (buildListener, buildTLS).
"""

from __future__ import annotations

from base64 import b64decode
from typing import Final

from pocketmesh.istio.conditions import Condition, merged
from pocketmesh.istio.gateway_api.classes import MESH_CONTROLLER, ClassInfo
from pocketmesh.istio.gateway_api.grants import secret_granted
from pocketmesh.istio.resources import SECRETS, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import HBONE_PORT
from pocketmesh.objects import Object, namespace_of

GATEWAY_GROUP: Final = "gateway.networking.k8s.io"

_HTTP_KINDS: Final = ("HTTPRoute", "GRPCRoute")
_SUPPORTED: Final = ("HTTP", "HTTPS", "TLS", "TCP", "HBONE")
_FINE: Final = "No errors found"


def supported_kinds(listener: Object) -> tuple[list[Object], bool]:
    """The route kinds that may attach, and whether all kinds that the listener asks for are among them."""
    passthrough = (listener.get("tls") or {}).get("mode") == "Passthrough"
    kinds: tuple[str, ...]
    match listener["protocol"]:
        case "HTTP" | "HTTPS":
            kinds = _HTTP_KINDS
        case "TCP":
            kinds = ("TCPRoute",)
        case "TLS":
            kinds = ("TLSRoute",) if passthrough else ("TCPRoute",)
        case _:
            kinds = ()
    asked = (listener.get("allowedRoutes") or {}).get("kinds") or []
    if asked:
        wanted = {item["kind"] for item in asked if item.get("group", GATEWAY_GROUP) == GATEWAY_GROUP}
        kinds = tuple(kind for kind in kinds if kind in wanted)
    return [{"group": GATEWAY_GROUP, "kind": kind} for kind in kinds], not asked or len(kinds) == len(asked)


def listener_status(
    gateway: Object,
    listener: Object,
    info: ClassInfo,
    attached: int,
    reader: Reader,
    settings: Settings,
    now: str,
) -> Object:
    """The entry of `status.listeners`; `attached` is the number of routes that it admitted."""
    kinds, kinds_fine = supported_kinds(listener)
    before: Object = next(
        (
            entry
            for entry in (gateway.get("status") or {}).get("listeners") or []
            if entry.get("name") == listener["name"]
        ),
        {},
    )
    conditions = [
        _accepted(listener, info, settings),
        Condition("Conflicted", False, "NoConflicts", _FINE),
        *_references(gateway, listener, kinds_fine, reader),
    ]
    generation = gateway["metadata"].get("generation", 0)
    return {
        "name": listener["name"],
        "attachedRoutes": attached,
        "supportedKinds": kinds,
        "conditions": merged(before.get("conditions") or [], conditions, generation, now),
    }


def _accepted(listener: Object, info: ClassInfo, settings: Settings) -> Condition:
    problem = _protocol_problem(listener["protocol"], info, settings)
    if info.controller == MESH_CONTROLLER and (
        listener["port"] != HBONE_PORT or listener["protocol"] != "HBONE"
    ):
        problem = f'Expected a single listener on port {HBONE_PORT} with protocol "HBONE"'
    if problem:
        return Condition("Accepted", False, "UnsupportedProtocol", problem)
    return Condition("Accepted", True, "Accepted", _FINE)


def _protocol_problem(protocol: str, info: ClassInfo, settings: Settings) -> str:
    if protocol == "HBONE":
        mesh = info.controller == MESH_CONTROLLER
        return "" if mesh else 'protocol "HBONE" is only supported for waypoint proxies'
    if protocol == "TCP" and not settings.alpha:
        variable = "PILOT_ENABLE_ALPHA_GATEWAY_API"
        return f'protocol "{protocol}" is supported, but only when {variable}=true is configured'
    if protocol in _SUPPORTED:
        return ""
    hint = (
        f'. hint: "{protocol.upper()}" (uppercase) may be supported' if protocol.upper() in _SUPPORTED else ""
    )
    return f'protocol "{protocol}" is unsupported{hint}'


def _references(
    gateway: Object, listener: Object, kinds_fine: bool, reader: Reader
) -> tuple[Condition, Condition]:
    programmed = Condition("Programmed", True, "Programmed", _FINE)
    problem = _certificate_problem(gateway, listener.get("tls") or {}, reader)
    if not kinds_fine:
        return programmed, Condition("ResolvedRefs", False, "InvalidRouteKinds", "Invalid route kinds")
    if problem is not None:
        return Condition("Programmed", False, "Invalid", "Bad TLS configuration"), problem
    return programmed, Condition("ResolvedRefs", True, "ResolvedRefs", _FINE)


def usable_certificates(gateway: Object, tls: Object, reader: Reader) -> list[Object]:
    """The Secrets whose certificates a listener that terminates TLS can present."""
    return [
        secret
        for reference in tls.get("certificateRefs") or []
        if _one_certificate(gateway, reference, reader) is None
        and (secret := _secret(gateway, reference, reader)) is not None
    ]


def _secret(gateway: Object, reference: Object, reader: Reader) -> Object | None:
    return reader.get(SECRETS, reference.get("namespace") or namespace_of(gateway), reference["name"])


def _certificate_problem(gateway: Object, tls: Object, reader: Reader) -> Condition | None:
    """None as soon as one certificate is usable; else all that is wrong, joined."""
    if tls.get("mode", "Terminate") != "Terminate":
        return None
    problems = []
    for reference in tls.get("certificateRefs") or []:
        problem = _one_certificate(gateway, reference, reader)
        if problem is None:
            return None
        problems.append(problem)
    if not problems:
        return None
    message = "; ".join(problem.message for problem in problems)
    return Condition("ResolvedRefs", False, problems[0].reason, message)


def _one_certificate(gateway: Object, reference: Object, reader: Reader) -> Condition | None:
    shown = (
        f"{reference.get('group', '')}/{reference.get('kind', '')}/{reference['name']}."
        f"{reference.get('namespace', '')}"
    )
    if (reference.get("group", ""), reference.get("kind", "Secret")) != ("", "Secret"):
        return _invalid(f"invalid certificate reference {shown}, only secret is allowed")
    own = namespace_of(gateway)
    namespace = reference.get("namespace") or own
    secret = _secret(gateway, reference, reader)
    if secret is None:
        missing = f"secret {namespace}/{reference['name']} not found"
        return _invalid(f"invalid certificate reference {shown}, {missing}")
    if problem := _malformed(secret):
        return _invalid(f"invalid certificate reference {shown}, {problem}")
    if namespace != own and not secret_granted(own, namespace, reference["name"], reader):
        return Condition(
            "ResolvedRefs",
            False,
            "RefNotPermitted",
            f"certificateRef {reference['name']}/{namespace} not accessible to a Gateway in namespace "
            f'"{own}" (missing a ReferenceGrant?)',
        )
    return None


def _malformed(secret: Object) -> str:
    data = secret.get("data") or {}
    if "tls.crt" not in data or "tls.key" not in data:
        expected = "(cert and key) or (tls.crt and tls.key)"
        return f"found secret, but didn't have expected keys {expected}; found: {', '.join(sorted(data))}"
    if b"-----BEGIN" not in b64decode(data["tls.crt"]):
        return "the certificate is malformed: tls: failed to find any PEM data in certificate input"
    return ""


def _invalid(message: str) -> Condition:
    return Condition("ResolvedRefs", False, "InvalidCertificateRef", message)
