"""What enters by a gateway of class `istio`: to Services with and without a waypoint, past policies.

Each situation is a host `{at}.example`, whose route leads to the Service `{at}` of one namespace of the mesh.
"""

from __future__ import annotations

from .clients import principal
from .objects import (
    AMBIENT,
    Object,
    allow,
    deny,
    make,
    namespace,
    route,
    rule,
    security,
    selected,
    server,
    service,
    target,
    uses,
    waypoint,
)
from .tables import Scene, crossed

DOOR = "http://door-istio.porch"
COLUMNS = {
    "get": ("outsider", f"GET {DOOR}/ host:{{at}}.example"),
    "post": ("outsider", f"POST {DOOR}/ host:{{at}}.example"),
    "alice": ("alice", f"GET {DOOR}/ host:{{at}}.example"),
    "admin": ("outsider", f"GET {DOOR}/admin/users host:{{at}}.example"),
    "role": ("outsider", f"GET {DOOR}/ host:{{at}}.example x-role:admin"),
}
TABLE = """
                 get       post      alice     admin  role
    open         waypoint  waypoint  waypoint  denied denied
    guarded      waypoint  waypoint  waypoint  denied denied
    inward       denied    denied    denied    denied denied
    inward-get   waypoint  denied    waypoint  denied denied
    welcome      waypoint  waypoint  waypoint  denied denied
    keyed        waypoint  waypoint  waypoint  denied denied
    locked       broken    broken    broken    denied denied
    strict       waypoint  waypoint  waypoint  denied denied
    empty        unhealthy unhealthy unhealthy denied denied
    nowhere      failed    failed    failed    denied denied
    weightless   failed    failed    failed    denied denied
    elsewhere    missing   missing   missing   -      -
"""
THROUGH = "istio TestIngressToWaypoint; pilot/pkg/model/service.go"
IDENTITY = "istio TestIngress; ztunnel src/rbac.rs"
ROUTES = "istio pilot/pkg/config/kube/gateway/conversion.go"
WHYS = {
    "open": ROUTES,
    **dict.fromkeys(("guarded", "inward", "inward-get", "welcome"), THROUGH),
    **dict.fromkeys(("keyed", "locked", "strict"), IDENTITY),
    **dict.fromkeys(("empty", "nowhere", "weightless", "elsewhere"), ROUTES),
}

GATEWAY = "cluster.local/ns/porch/sa/door-istio"
INWARD = {**uses("waypoint"), "istio.io/ingress-use-waypoint": "true"}
ROOMS = {
    "open": service("open", "rooms", "room"),
    "guarded": service("guarded", "rooms", "room", uses("waypoint")),
    "inward": service("inward", "rooms", "room", INWARD),
    "inward-get": service("inward-get", "rooms", "room", INWARD),
    "welcome": service("welcome", "rooms", "room", INWARD),
    "keyed": service("keyed", "rooms"),
    "locked": service("locked", "rooms"),
    "strict": service("strict", "rooms"),
    "empty": service("empty", "rooms"),
    "weightless": service("weightless", "rooms", "room"),
}
AT_WAYPOINT = {
    "guarded": deny({}),
    "inward": deny({}),
    "inward-get": allow(rule(to={"methods": ["GET"]})),
    "welcome": allow(rule(principals=[GATEWAY])),
}
AT_POD = {"keyed": allow(rule(principals=[GATEWAY])), "locked": allow(rule(principals=[principal("alice")]))}


def _led(name: str) -> Object:
    weight = {"weight": 0} if name == "weightless" else {}
    parent = {"name": "door", "namespace": "porch"}
    backends = {"backendRefs": [{"name": name, "port": 80, **weight}]}
    return route(name, "rooms", parent, backends, hostnames=[f"{name}.example"])


def _door() -> Object:
    everywhere = {"namespaces": {"from": "All"}}
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": everywhere}
    spec = {"gatewayClassName": "istio", "listeners": [listener]}
    return make("gateway.networking.k8s.io/v1", "Gateway", "door", "porch", spec=spec)


def _policy(name: str, spec: Object, **whom: object) -> Object:
    return security("AuthorizationPolicy", name, "rooms", {**spec, **whom})


HIDDEN = deny(rule(to={"paths": ["/admin/*"]}))
NO_ADMINS = deny(rule(when={"key": "request.headers[x-role]", "values": ["admin"]}))
OBJECTS = (
    namespace("porch"),
    namespace("rooms", AMBIENT),
    _door(),
    waypoint("waypoint", "rooms"),
    *(server(name, "rooms") for name in ("room", *AT_POD, "strict")),
    *ROOMS.values(),
    *(_led(name) for name in (*ROOMS, "nowhere")),
    *(_policy(name, spec, targetRefs=[target("Service", name)]) for name, spec in AT_WAYPOINT.items()),
    *(_policy(name, {**spec, **selected(name)}) for name, spec in AT_POD.items()),
    security("PeerAuthentication", "strict", "rooms", {**selected("strict"), "mtls": {"mode": "STRICT"}}),
    security("AuthorizationPolicy", "hidden", "porch", {**HIDDEN, "targetRefs": [target("Gateway", "door")]}),
    security("AuthorizationPolicy", "no-admins", "porch", NO_ADMINS),
)
SCENE = Scene((), tuple(crossed(TABLE, COLUMNS, WHYS)))
