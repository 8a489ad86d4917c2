"""Policies that a waypoint enforces: those that target a Service, its Gateway or its class, and tokens.

Each situation is a Service `{at}.shop` of one and the same pod, behind the waypoint of its namespace.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .clients import principal
from .objects import (
    AMBIENT,
    SYSTEM,
    Object,
    allow,
    deny,
    namespace,
    rule,
    security,
    selected,
    server,
    service,
    target,
    uses,
    waypoint,
)
from .tables import Ask, Row, Scene, crossed, listed

POOL = "istio pilot/pkg/model/authorization.go, ListAuthorizationPolicies; pilot/pkg/security/authz"
TARGETS = "istio pilot/pkg/model/policyattachment.go"
TOKENS = "istio TestL7JWT; jwt_verify_lib src/status.cc"
CUSTOM = "istio pilot/pkg/security/authz: CUSTOM before DENY before ALLOW"

COLUMNS = {
    "get": ("alice", "GET http://{at}.shop/"),
    "post": ("alice", "POST http://{at}.shop/"),
    "admin": ("alice", "GET http://{at}.shop/admin/users"),
    "role": ("alice", "GET http://{at}.shop/ x-role:admin"),
    "bob": ("bob", "GET http://{at}.shop/"),
    "carol": ("carol", "POST http://{at}.shop/"),
    "opted-in": ("opted-in", "GET http://{at}.shop/"),
    "outsider": ("outsider", "GET http://{at}.shop/"),
}
TABLE = """
                        get      post     admin    role     bob      carol    opted-in outsider
    no-policy           waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    allow-nothing       denied   denied   denied   denied   denied   denied   denied   direct
    allow-everything    waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    deny-everything     denied   denied   denied   denied   denied   denied   denied   direct
    allow-method        waypoint denied   waypoint waypoint waypoint denied   waypoint direct
    deny-method         waypoint denied   waypoint waypoint waypoint denied   waypoint direct
    allow-not-method    denied   waypoint denied   denied   denied   waypoint denied   direct
    allow-path          waypoint waypoint denied   waypoint waypoint waypoint waypoint direct
    allow-path-prefix   denied   denied   waypoint denied   denied   denied   denied   direct
    deny-path-prefix    waypoint waypoint denied   waypoint waypoint waypoint waypoint direct
    deny-path-suffix    waypoint waypoint denied   waypoint waypoint waypoint waypoint direct
    allow-not-path      waypoint waypoint denied   waypoint waypoint waypoint waypoint direct
    allow-header        denied   denied   denied   waypoint denied   denied   denied   direct
    deny-header         waypoint waypoint waypoint denied   waypoint waypoint waypoint direct
    deny-other-header   denied   denied   denied   waypoint denied   denied   denied   direct
    allow-host          waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    allow-other-host    denied   denied   denied   denied   denied   denied   denied   direct
    allow-principal     waypoint waypoint waypoint waypoint denied   denied   denied   direct
    deny-principal      denied   denied   denied   denied   waypoint waypoint waypoint direct
    allow-account       waypoint waypoint waypoint waypoint denied   denied   denied   direct
    allow-namespace     waypoint waypoint waypoint waypoint waypoint denied   denied   direct
    deny-namespace      denied   denied   denied   denied   denied   waypoint waypoint direct
    allow-block         waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    allow-other-block   denied   denied   denied   denied   denied   denied   denied   direct
    principal-and-get   waypoint denied   waypoint waypoint denied   denied   denied   direct
    principal-or-post   waypoint waypoint waypoint waypoint denied   waypoint denied   direct
    when-principal      waypoint waypoint waypoint waypoint denied   denied   denied   direct
    deny-before-allow   waypoint waypoint denied   waypoint denied   waypoint denied   direct
    two-allow           waypoint denied   waypoint waypoint waypoint waypoint waypoint direct
    audit               waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    custom              asked-no asked-no asked-no asked-no asked-no asked-no asked-no direct
    custom-on-path      waypoint waypoint asked-no waypoint waypoint waypoint waypoint direct
    two-targets         denied   denied   denied   denied   denied   denied   denied   direct
    another-service     waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    by-selector         waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    class-not-in-root   waypoint waypoint waypoint waypoint waypoint waypoint waypoint direct
    with-no-waypoint    direct   direct   direct   direct   direct   direct   direct   direct
"""

ALICE = principal("alice")
ADMIN = {"key": "request.headers[x-role]", "values": ["admin"]}
NOT_ADMIN = {"key": "request.headers[x-role]", "notValues": ["admin"]}
GET, POST = {"methods": ["GET"]}, {"methods": ["POST"]}
HIDDEN = {"paths": ["/admin/*"]}


def _custom(*rules: Object) -> Object:
    return {"action": "CUSTOM", "provider": {"name": "authorizer"}, "rules": list(rules)}


SPECS: dict[str, tuple[Object, ...]] = {
    "no-policy": (),
    "allow-nothing": (allow(),),
    "allow-everything": (allow({}),),
    "deny-everything": (deny({}),),
    "allow-method": (allow(rule(to=GET)),),
    "deny-method": (deny(rule(to=POST)),),
    "allow-not-method": (allow(rule(to={"notMethods": ["GET"]})),),
    "allow-path": (allow(rule(to={"paths": ["/"]})),),
    "allow-path-prefix": (allow(rule(to=HIDDEN)),),
    "deny-path-prefix": (deny(rule(to=HIDDEN)),),
    "deny-path-suffix": (deny(rule(to={"paths": ["*/users"]})),),
    "allow-not-path": (allow(rule(to={"notPaths": ["/admin/*"]})),),
    "allow-header": (allow(rule(when=ADMIN)),),
    "deny-header": (deny(rule(when=ADMIN)),),
    "deny-other-header": (deny(rule(when=NOT_ADMIN)),),
    "allow-host": (allow(rule(to={"hosts": ["allow-host.shop"]})),),
    "allow-other-host": (allow(rule(to={"hosts": ["other.shop"]})),),
    "allow-principal": (allow(rule(principals=[ALICE])),),
    "deny-principal": (deny(rule(principals=[ALICE])),),
    "allow-account": (allow(rule(serviceAccounts=["town/alice"])),),
    "allow-namespace": (allow(rule(namespaces=["town"])),),
    "deny-namespace": (deny(rule(namespaces=["town"])),),
    "allow-block": (allow(rule(ipBlocks=["10.244.0.0/16"])),),
    "allow-other-block": (allow(rule(ipBlocks=["192.0.2.0/24"])),),
    "principal-and-get": (allow(rule(to=GET, principals=[ALICE])),),
    "principal-or-post": (allow(rule(principals=[ALICE]), rule(to=POST)),),
    "when-principal": (allow(rule(when={"key": "source.principal", "values": [ALICE]})),),
    "deny-before-allow": (
        allow(rule(principals=[ALICE]), rule(to=POST)),
        deny(rule(to=HIDDEN)),
    ),
    "two-allow": (allow(rule(to=GET)), allow(rule(namespaces=["village"]))),
    "audit": ({"action": "AUDIT", "rules": [{}]},),
    "custom": (_custom({}),),
    "custom-on-path": (_custom(rule(to=HIDDEN)),),
    "two-targets": (),
    "another-service": (),
    "by-selector": (),
    "class-not-in-root": (),
    "with-no-waypoint": (deny({}),),
}


def _policy(name: str, spec: Object, *targets: Object, at: str = "shop") -> Object:
    return security("AuthorizationPolicy", name, at, {**spec, "targetRefs": list(targets)})


def _situation(name: str) -> list[Object]:
    """The Service, after the policies about it."""
    labels = {} if name.endswith("no-waypoint") else uses("waypoint")
    policies = [
        _policy(f"{name}-{number}", spec, target("Service", name))
        for number, spec in enumerate({**SPECS, **NEEDED}[name])
    ]
    return [*policies, *_tokens(name), service(name, "shop", "echo", labels)]


CLASS = target("GatewayClass", "istio-waypoint")
CLASS_HEADER = {"key": "request.headers[x-class]", "values": ["deny"]}
SELECTED = {**deny(rule(to=GET)), **selected("echo")}

GATEWAYS = listed(
    "gateway-targets",
    POOL,
    """
    denied    alice,bob,carol  GET http://closed.closed/
    denied    alice            POST http://closed.closed/
    waypoint  alice            GET http://opened.closed/
    denied    alice            POST http://opened.closed/
    denied    bob,carol        GET http://opened.closed/
    direct    outsider         GET http://closed.closed/
    denied    alice,bob        GET http://echo.closed.pod:3000/
    direct    outsider         GET http://echo.closed.pod:3000/
    waypoint  alice,bob        GET http://plain.half-closed/
    denied    alice,bob        POST http://plain.half-closed/
    denied    alice            POST http://post-allowed.half-closed/
    denied    alice            GET http://post-allowed.half-closed/
    waypoint  alice            PUT http://put-allowed.half-closed/
    denied    alice            GET http://put-allowed.half-closed/
    waypoint  alice            GET http://echo.half-closed.pod:3000/
    denied    alice            POST http://echo.half-closed.pod:3000/
    """,
)
OF_CLASS = listed(
    "class-targets",
    TARGETS,
    """
    denied    alice,carol      GET http://no-policy.shop/ x-class:deny
    denied    alice            GET http://fronted.east/ x-class:deny
    denied    alice            GET http://pod-all.east.pod:3000/ x-class:deny
    waypoint  alice            GET http://no-policy.shop/ x-class:other
    direct    alice            GET http://echo.east/ x-class:deny
    direct    outsider         GET http://no-policy.shop/ x-class:deny
    direct    alice            GET http://echo.east.pod:3000/ x-class:deny
    """,
)
CUSTOMS = listed(
    "custom",
    CUSTOM,
    """
    waypoint     alice,bob  GET http://custom.shop/ x-ext-authz:allow
    asked-no alice      GET http://custom.shop/ x-ext-authz:deny
    waypoint     alice      GET http://custom-on-path.shop/admin/users x-ext-authz:allow
    """,
)


def _gateways() -> list[Object]:
    closing = (target("Gateway", "waypoint"),)
    half = deny(rule(to=POST))
    return [
        *(service(name, "closed", "echo") for name in ("closed", "opened")),
        *(service(name, "half-closed", "echo") for name in ("plain", "post-allowed", "put-allowed")),
        _policy("closed", allow(), *closing, at="closed"),
        _policy("half", half, *closing, at="half-closed"),
        _policy("opened", allow(rule(to=GET, principals=[ALICE])), target("Service", "opened"), at="closed"),
        _policy("post", allow(rule(to=POST)), target("Service", "post-allowed"), at="half-closed"),
        _policy(
            "put", allow(rule(to={"methods": ["PUT"]})), target("Service", "put-allowed"), at="half-closed"
        ),
    ]


KEY = rsa.generate_private_key(65537, 2048)
LATER, EARLIER = 4_000_000_000, 1_000_000_000
ISSUER = "issuer.example"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _token(subject: str, issuer: str = ISSUER, expires: int = LATER) -> str:
    parts = ({"alg": "RS256", "kid": "key"}, {"iss": issuer, "sub": subject, "exp": expires})
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_encoded(KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


BEARERS = {
    "none": "",
    "valid": _token("somebody"),
    "other": _token("other"),
    "expired": _token("somebody", expires=EARLIER),
    "stranger": _token("somebody", issuer="stranger.example"),
    "forged": f"{_token('somebody').rpartition('.')[0]}.{_encoded(bytes(256))}",
    "garbage": "x.y.z",
}
TOKENS_TABLE = """
                         none     valid    other    expired  stranger forged   garbage
    token-checked        waypoint waypoint waypoint invalid  invalid  invalid  invalid
    token-wanted         denied   waypoint waypoint invalid  invalid  invalid  invalid
    token-of-somebody    denied   waypoint denied   invalid  invalid  invalid  invalid
    token-of-claim       denied   denied   waypoint invalid  invalid  invalid  invalid
    token-or-refused     denied   waypoint waypoint invalid  invalid  invalid  invalid
    token-by-selector    waypoint waypoint waypoint waypoint waypoint waypoint waypoint
    token-not-declared   denied   denied   denied   denied   denied   denied   denied
    token-no-waypoint    direct   direct   direct   direct   direct   direct   direct
"""
CLAIM = {"key": "request.auth.claims[sub]", "values": ["other"]}
NEEDED: dict[str, tuple[Object, ...]] = {
    "token-checked": (),
    "token-wanted": (allow(rule(requestPrincipals=["*"])),),
    "token-of-somebody": (allow(rule(requestPrincipals=[f"{ISSUER}/somebody"])),),
    "token-of-claim": (allow(rule(when=CLAIM)),),
    "token-or-refused": (deny(rule(notRequestPrincipals=["*"])),),
    "token-by-selector": (),
    "token-not-declared": (allow(rule(requestPrincipals=["*"])),),
    "token-no-waypoint": (),
}


def _tokens(name: str) -> list[Object]:
    """The RequestAuthentication of a situation that has one."""
    if name not in NEEDED or name == "token-not-declared":
        return []
    public = KEY.public_key().public_numbers()
    numbers = {"n": _encoded(public.n.to_bytes(256)), "e": _encoded(public.e.to_bytes(3))}
    jwks = json.dumps({"keys": [{"kty": "RSA", "kid": "key", **numbers}]})
    targets = {"targetRefs": [target("Service", name)]}
    whom = selected("echo") if name == "token-by-selector" else targets
    spec = {"jwtRules": [{"issuer": ISSUER, "jwks": jwks}], **whom}
    return [security("RequestAuthentication", name, "shop", spec)]


def _bearing(row: Row) -> Row:
    """The row with the token that its URL names."""
    token = BEARERS[row.ask.url.rpartition("=")[2]]
    headers = (f"authorization: Bearer {token}",) if token else ()
    return Row(row.situation, Ask(row.ask.client, "GET", row.ask.url, headers), row.outcome, row.why)


def _authorizer() -> list[Object]:
    """Who is asked by CUSTOM policies; istiod's configuration names it as a provider."""
    return [
        server("ext-authz", "shop", image="istio/ext-authz:1"),
        service("ext-authz", "shop", target=8000),
    ]


PROVIDER: dict[str, Any] = {
    "name": "authorizer",
    "envoyExtAuthzHttp": {
        "service": "ext-authz.shop.svc.cluster.local",
        "port": 80,
        "includeRequestHeadersInCheck": ["x-ext-authz"],
    },
}

OBJECTS = (
    namespace("shop", AMBIENT),
    *(namespace(at, AMBIENT, uses("waypoint")) for at in ("closed", "half-closed")),
    *(server("echo", at) for at in ("shop", "closed", "half-closed")),
    waypoint("waypoint", "shop"),
    *(waypoint("waypoint", at, "all") for at in ("closed", "half-closed")),
    *_authorizer(),
    _policy("two", deny({}), target("Service", "nothing"), target("Service", "two-targets")),
    _policy("nobody", deny({}), target("Service", "nothing")),
    security("AuthorizationPolicy", "selected", "shop", SELECTED),
    _policy("class", deny({}), CLASS),
)
REQUESTS = {name: ("alice", f"GET http://{{at}}.shop/?token={name}") for name in BEARERS}
ROWS = (
    *crossed(TABLE, COLUMNS, dict.fromkeys(SPECS, POOL)),
    *CUSTOMS,
    *map(_bearing, crossed(TOKENS_TABLE, REQUESTS, dict.fromkeys(NEEDED, TOKENS))),
)
NAMES = (*SPECS, *NEEDED)
GATEWAY_SCENE = Scene(tuple(_gateways()), tuple(GATEWAYS))
CLASS_SCENE = Scene(
    (
        service("no-policy", "shop", "echo", uses("waypoint")),
        _policy("class", deny(rule(when=CLASS_HEADER)), CLASS, at=SYSTEM),
    ),
    tuple(OF_CLASS),
)


def scene(names: list[str]) -> Scene:
    """Some situations, with the Services that takes."""
    objects = (obj for name in names for obj in _situation(name))
    return Scene(tuple(objects), tuple(row for row in ROWS if row.situation in names))
