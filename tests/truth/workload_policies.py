"""Policies that a destination's ztunnel enforces: by selector, for a namespace, and mutual TLS.

Each situation is a pod of its own in the namespace `guarded` (or, where a whole namespace is concerned, in
one named after the situation), with one Service of its name and another behind a waypoint elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .clients import principal
from .objects import (
    AMBIENT,
    SHARED,
    Object,
    allow,
    deny,
    namespace,
    rule,
    security,
    selected,
    server,
    service,
)
from .tables import Row, Scene, crossed

EVALUATION = "ztunnel src/state.rs, assert_rbac"
MATCHES = "ztunnel src/rbac.rs"
HTTP = "istio pilot/pkg/serviceregistry/ambient/authorization.go; TestAuthorizationL7"
IGNORED = "istio pilot/pkg/serviceregistry/ambient/policies.go: ztunnel is not told of this"
MTLS = "istio pilot/pkg/serviceregistry/ambient/policies.go, PeerAuthentication; TestPeerAuthentication"
WAYPOINT = "cluster.local/ns/hub/sa/shared"
ALICE, CAROL = principal("alice"), principal("carol")

# `alice` and the other clients call the Service; `ip` the pod's address; `fronted` by way of the waypoint,
# which is who the destination then sees; `passing` is a client outside the mesh, who bypasses waypoints.
COLUMNS = {
    **{
        name: (name, "GET http://{at}.{place}/")
        for name in ("alice", "bob", "carol", "opted-in", "opted-out")
    },
    "ip": ("alice", "GET http://{at}.{place}.pod:3000/"),
    "fronted": ("alice", "GET http://fronted-{at}.{place}/"),
    "outside": ("outsider", "GET http://{at}.{place}/"),
    "outside-ip": ("outsider", "GET http://{at}.{place}.pod:3000/"),
    "passing": ("outsider", "GET http://fronted-{at}.{place}/"),
}
TABLE = """
                          alice  ip     fronted  bob    carol  opted-in opted-out outside outside-ip passing
no-policy                 direct direct waypoint direct direct direct   direct    direct  direct     direct
allow-nothing             reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-everything          direct direct waypoint direct direct direct   direct    direct  direct     direct
deny-everything           reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-principal           direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-waypoint            reset  reset  waypoint reset  reset  reset    reset     reset   reset      reset
allow-both                direct direct waypoint reset  reset  reset    reset     reset   reset      reset
allow-account             direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-any-principal       direct direct waypoint direct direct direct   reset     reset   reset      reset
allow-prefix              direct direct broken   direct reset  reset    reset     reset   reset      reset
allow-suffix              direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-namespaces          direct direct broken   direct direct reset    reset     reset   reset      reset
allow-not-namespace       reset  reset  waypoint reset  direct direct   -         -       -          -
allow-workload-port       direct direct waypoint direct direct direct   direct    direct  direct     direct
allow-service-port        reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-block               direct direct waypoint direct direct direct   direct    direct  direct     direct
allow-other-block         reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-when                direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-principal-and-port  direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-by-two-rules        direct direct broken   reset  direct reset    reset     reset   reset      reset
allow-by-two-policies     direct direct broken   reset  direct reset    reset     reset   reset      reset
deny-principal            reset  reset  waypoint direct direct direct   direct    direct  direct     direct
deny-waypoint             direct direct broken   direct direct direct   direct    direct  direct     direct
deny-namespace            reset  reset  waypoint reset  direct direct   direct    direct  direct     direct
deny-workload-port        reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
deny-service-port         direct direct waypoint direct direct direct   direct    direct  direct     direct
deny-before-allow         reset  reset  broken   direct reset  reset    reset     reset   reset      reset
another-is-selected       direct direct waypoint direct direct direct   direct    direct  direct     direct
another-namespace         direct direct waypoint direct direct direct   direct    direct  direct     direct
allow-method              reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-header              reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-request-principal   reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
allow-method-or-principal direct direct broken   reset  reset  reset    reset     reset   reset      reset
allow-method-of-principal reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
deny-method               direct direct waypoint direct direct direct   direct    direct  direct     direct
deny-method-of-principal  direct direct waypoint direct direct direct   direct    direct  direct     direct
deny-path-on-port         reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
audit                     direct direct waypoint direct direct direct   direct    direct  direct     direct
custom                    direct direct waypoint direct direct direct   direct    direct  direct     direct
dry-run                   direct direct waypoint direct direct direct   direct    direct  direct     direct
strict                    direct direct waypoint direct direct direct   reset     reset   reset      reset
disable                   direct direct waypoint direct direct direct   direct    direct  direct     direct
strict-but-port           direct direct waypoint direct direct direct   direct    direct  direct     direct
strict-but-service-port   direct direct waypoint direct direct direct   reset     reset   reset      reset
permissive-but-port       direct direct waypoint direct direct direct   reset     reset   reset      reset
strict-and-allow-port     direct direct waypoint direct direct direct   reset     reset   reset      reset
all-allow-nothing         reset  reset  broken   reset  reset  reset    reset     reset   reset      reset
all-allow-namespace       direct direct broken   direct reset  reset    reset     reset   reset      reset
all-allow-waypoint        reset  reset  waypoint reset  reset  reset    reset     reset   reset      reset
all-nothing-one-principal direct direct broken   reset  reset  reset    reset     reset   reset      reset
all-strict                direct direct waypoint direct direct direct   reset     reset   reset      reset
all-strict-one-permissive direct direct waypoint direct direct direct   direct    direct  direct     direct
all-permissive-one-strict direct direct waypoint direct direct direct   reset     reset   reset      reset
"""

GET, HERE, THERE = {"methods": ["GET"]}, {"ports": ["3000"]}, {"ports": ["80"]}
BY_ALICE = {"key": "source.principal", "values": [ALICE]}
BY_HEADER = {"key": "request.headers[x-role]", "values": ["*"]}
NAMESPACED = "all-"


def mtls(mode: str, ports: dict[str, str] | None = None) -> Object:
    by_port = {port: {"mode": it} for port, it in (ports or {}).items()}
    return {"mtls": {"mode": mode}, **({"portLevelMtls": by_port} if by_port else {})}


# Why, and what the policies say. They select the situation's pod; those of `all-…` the namespace, and those
# that come after the first the pod there.
SPECS: dict[str, tuple[str | Object, ...]] = {
    "no-policy": (EVALUATION,),
    "allow-nothing": (EVALUATION, allow()),
    "allow-everything": (EVALUATION, allow({})),
    "deny-everything": (EVALUATION, deny({})),
    "allow-principal": (EVALUATION, allow(rule(principals=[ALICE]))),
    "allow-waypoint": (EVALUATION, allow(rule(principals=[WAYPOINT]))),
    "allow-both": (EVALUATION, allow(rule(principals=[ALICE, WAYPOINT]))),
    "allow-account": (MATCHES, allow(rule(serviceAccounts=["town/alice"]))),
    "allow-any-principal": (MATCHES, allow(rule(principals=["*"]))),
    "allow-prefix": (MATCHES, allow(rule(principals=["cluster.local/ns/town/*"]))),
    "allow-suffix": (MATCHES, allow(rule(principals=["*/sa/alice"]))),
    "allow-namespaces": (MATCHES, allow(rule(namespaces=["town", "villa*"]))),
    "allow-not-namespace": (MATCHES, allow(rule(notNamespaces=["town"]))),
    "allow-workload-port": (MATCHES, allow(rule(to=HERE))),
    "allow-service-port": (MATCHES, allow(rule(to=THERE))),
    "allow-block": (MATCHES, allow(rule(ipBlocks=["10.244.0.0/16"]))),
    "allow-other-block": (MATCHES, allow(rule(ipBlocks=["192.0.2.0/24"]))),
    "allow-when": (MATCHES, allow(rule(when=BY_ALICE))),
    "allow-principal-and-port": (MATCHES, allow(rule(to=HERE, principals=[ALICE]))),
    "allow-by-two-rules": (EVALUATION, allow(rule(principals=[ALICE]), rule(principals=[CAROL]))),
    "allow-by-two-policies": (EVALUATION, allow(rule(principals=[ALICE])), allow(rule(principals=[CAROL]))),
    "deny-principal": (EVALUATION, deny(rule(principals=[ALICE]))),
    "deny-waypoint": (EVALUATION, deny(rule(principals=[WAYPOINT]))),
    "deny-namespace": (EVALUATION, deny(rule(namespaces=["town"]))),
    "deny-workload-port": (MATCHES, deny(rule(to=HERE))),
    "deny-service-port": (MATCHES, deny(rule(to=THERE))),
    "deny-before-allow": (EVALUATION, allow(rule(namespaces=["town"])), deny(rule(principals=[ALICE]))),
    "another-is-selected": (EVALUATION, {**allow(), **selected("nobody")}),
    "another-namespace": (EVALUATION,),
    "allow-method": (HTTP, allow(rule(to=GET))),
    "allow-header": (HTTP, allow(rule(when=BY_HEADER))),
    "allow-request-principal": (HTTP, allow(rule(requestPrincipals=["*"]))),
    "allow-method-or-principal": (HTTP, allow(rule(to=GET), rule(principals=[ALICE]))),
    "allow-method-of-principal": (HTTP, allow(rule(to=GET, principals=[ALICE]))),
    "deny-method": (HTTP, deny(rule(to=GET))),
    "deny-method-of-principal": (HTTP, deny(rule(to=GET, principals=[ALICE]))),
    "deny-path-on-port": (HTTP, deny(rule(to={**HERE, "paths": ["/hidden"]}))),
    "audit": (IGNORED, {"action": "AUDIT", "rules": [{}]}),
    "custom": (IGNORED, {"action": "CUSTOM", "provider": {"name": "authorizer"}, "rules": [{}]}),
    "dry-run": (IGNORED, deny({})),
    "strict": (MTLS, mtls("STRICT")),
    "disable": (MTLS, mtls("DISABLE")),
    "strict-but-port": (MTLS, mtls("STRICT", {"3000": "PERMISSIVE"})),
    "strict-but-service-port": (MTLS, mtls("STRICT", {"80": "PERMISSIVE"})),
    "permissive-but-port": (MTLS, mtls("PERMISSIVE", {"3000": "STRICT"})),
    "strict-and-allow-port": (MTLS, mtls("STRICT"), allow(rule(to=HERE))),
    "all-allow-nothing": (EVALUATION, allow()),
    "all-allow-namespace": (EVALUATION, allow(rule(namespaces=["town"]))),
    "all-allow-waypoint": (EVALUATION, allow(rule(principals=[WAYPOINT]))),
    "all-nothing-one-principal": (EVALUATION, allow(), allow(rule(principals=[ALICE]))),
    "all-strict": (MTLS, mtls("STRICT")),
    "all-strict-one-permissive": (MTLS, mtls("STRICT"), mtls("PERMISSIVE")),
    "all-permissive-one-strict": (MTLS, mtls("PERMISSIVE"), mtls("STRICT")),
}


def place(name: str) -> str:
    return name if name.startswith(NAMESPACED) else "guarded"


def _situation(name: str, *specs: Any) -> Iterator[Object]:
    at = place(name)
    if at == name:
        yield namespace(at, AMBIENT)
    yield server(name, at)
    yield service(name, at)
    for number, spec in enumerate(specs):
        whom = {} if at == name and not number else selected(name)
        kind = "PeerAuthentication" if "mtls" in spec else "AuthorizationPolicy"
        policy = security(kind, f"{name}-{number}", at, {**whom, **spec})
        if name == "dry-run":
            policy["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
        yield policy


OBJECTS = (
    namespace("guarded", AMBIENT),
    security("AuthorizationPolicy", "elsewhere", "east", selected("another-namespace")),
    *(obj for name, (_, *specs) in SPECS.items() for obj in _situation(name, *specs)),
)
ROWS = tuple(crossed(TABLE, COLUMNS, {name: str(why) for name, (why, *_) in SPECS.items()}, place))


def _by_waypoint(row: Row) -> bool:
    return "//fronted-" in row.ask.url


def scene(names: list[str]) -> Scene:
    """These situations by way of the waypoint, with the Services that takes."""
    services = (service(f"fronted-{name}", place(name), name, SHARED) for name in names)
    return Scene(tuple(services), tuple(row for row in ROWS if row.situation in names and _by_waypoint(row)))


DIRECT = Scene((), tuple(row for row in ROWS if not _by_waypoint(row)))
