"""Where requests go when no policy stands in the way: who is enrolled, what was dialled, which waypoint is
bound, and what becomes of a destination that is not there."""

from __future__ import annotations

from .objects import (
    AMBIENT,
    OPTED_OUT,
    SHARED,
    Object,
    allow,
    make,
    namespace,
    rule,
    security,
    selected,
    server,
    service,
    uses,
    waypoint,
)
from .tables import Scene, listed

ENROLMENT = "istio cni/pkg/util/enablement_selector.go"
BINDING = "istio pilot/pkg/serviceregistry/ambient/waypoints.go"
DIALLED = "istio.io ambient/usage/waypoint; TestPodIP, TestServices"
OPEN = "TestBogusUseWaypoint: without a usable waypoint traffic goes on"
CODES = "istio tests/integration/ambient; ztunnel src/proxy"
OFF = {"istio.io/use-waypoint": "none"}
TCP = "istio/tcp-echo-server:1"

ENROLLED = listed(
    "enrolment",
    ENROLMENT,
    """
    direct  alice,bob,carol,opted-in,own-label                    GET http://members.east/
    reset   opted-out,outsider,refused,sidecar,excluded           GET http://members.east/
    direct  alice,bob,carol,opted-in,own-label                    GET http://members.east.pod:3000/
    reset   opted-out,outsider,refused,sidecar,excluded           GET http://members.east.pod:3000/
    direct  alice,bob,carol,opted-in,own-label                    GET http://echo.east/
    direct  opted-out,outsider,refused,sidecar,excluded           GET http://echo.east/
    waypoint alice,bob,carol,opted-in,own-label                   GET http://fronted.east/
    direct  opted-out,outsider,refused,sidecar,excluded           GET http://fronted.east/
    """,
)
PLAIN = listed(
    "not-enrolled-destination",
    "istio architecture/ambient: policies are enforced by the destination's ztunnel, and it has none",
    """
    direct  alice,outsider,opted-out  GET http://plain.east/
    direct  alice,outsider,opted-out  GET http://plain.east.pod:3000/
    direct  alice,outsider,opted-out  GET http://plain-closed-to-all.east/
    direct  alice,outsider            GET http://plain-closed-to-all.east.pod:3000/
    waypoint alice,carol              GET http://plain-fronted.east/
    direct  outsider                  GET http://plain-fronted.east/
    """,
)
BOUND = listed(
    "waypoint-for",
    BINDING,
    """
    waypoint alice,opted-in   GET http://fronted.east/
    direct   alice,opted-in   GET http://echo.east.pod:3000/
    direct   alice,outsider   GET http://by-workload.east/
    waypoint alice            GET http://by-all.east/
    direct   outsider         GET http://by-all.east/
    direct   alice,outsider   GET http://by-none.east/
    waypoint alice,carol      GET http://pod-workload.east.pod:3000/
    direct   outsider         GET http://pod-workload.east.pod:3000/
    direct   alice            GET http://pod-workload.east/
    waypoint alice            GET http://pod-all.east.pod:3000/
    direct   outsider         GET http://pod-all.east.pod:3000/
    direct   alice            GET http://pod-all.east/
    direct   alice            GET http://pod-service.east.pod:3000/
    direct   alice            GET http://pod-none.east.pod:3000/
    """,
)
PERMITTED = listed(
    "waypoint-elsewhere",
    BINDING,
    """
    waypoint alice,bob,carol,opted-in  GET http://shared.east/
    direct   outsider                  GET http://shared.east/
    waypoint alice                     GET http://selected.east/
    direct   alice                     GET http://not-selected.west/
    direct   alice,carol               GET http://not-permitted.west/
    direct   alice                     GET http://own-namespace-only.west/
    """,
)
INHERITED = listed(
    "namespace-label",
    BINDING,
    """
    waypoint alice,carol  GET http://echo.service-town/
    direct   outsider     GET http://echo.service-town/
    direct   alice        GET http://echo.service-town.pod:3000/
    direct   alice        GET http://off.service-town/
    direct   alice        GET http://typo.service-town/
    direct   alice        GET http://headless.service-town:3000/
    waypoint alice        GET http://echo.all-town/
    waypoint alice        GET http://echo.all-town.pod:3000/
    direct   outsider     GET http://echo.all-town.pod:3000/
    direct   alice        GET http://off.all-town/
    direct   alice        GET http://off.all-town.pod:3000/
    waypoint alice        GET http://headless.all-town:3000/
    """,
)
NOT_USABLE = listed(
    "waypoint-not-usable",
    OPEN,
    """
    direct alice,opted-in,outsider  GET http://typo.east/
    direct alice,outsider           GET http://never-ready.east/
    reset  alice,carol,opted-in     GET http://scaled-to-zero.east/
    direct outsider,opted-out       GET http://scaled-to-zero.east/
    direct alice                    GET http://echo.east/
    """,
)
NAMES = listed(
    "kinds-of-names",
    DIALLED,
    """
    direct   alice,outsider  GET http://headless.east:3000/
    direct   alice           GET http://headless-fronted.east:3000/
    waypoint alice           GET http://headless-pods-fronted.east:3000/
    direct   outsider        GET http://headless-pods-fronted.east:3000/
    direct   alice,outsider  GET http://alias.east/
    waypoint alice           GET http://alias-fronted.east/
    direct   outsider        GET http://alias-fronted.east/
    direct   alice,carol     GET http://entry.example/
    unknown  outsider        GET http://entry.example/
    waypoint alice,carol     GET http://fronted-entry.example/
    unknown  alice,outsider  GET http://nothing.east/
    unknown  alice,outsider  GET http://nothing.example/
    direct   alice           GET http://echo.east.svc.cluster.local/
    direct   outsider        GET http://echo.east.svc/
    direct   alice,outsider,opted-out  GET http://httpbin.org/anything
    """,
)
ABSENT = listed(
    "nobody-there",
    CODES,
    """
    reset     alice,opted-in  GET http://empty.east/
    refused   outsider        GET http://empty.east/
    unhealthy alice,carol     GET http://empty-fronted.east/
    refused   outsider        GET http://empty-fronted.east/
    reset     alice,outsider  GET http://closed.east/
    broken    alice,carol     GET http://closed-fronted.east/
    reset     outsider        GET http://closed-fronted.east/
    reset     alice           GET http://echo.east.pod:4000/
    reset     outsider        GET http://echo.east.pod:4000/
    refused   outsider        GET http://plain-closed.east/
    reset     alice           GET http://plain-closed.east/
    refused   outsider        GET http://plain.east.pod:4000/
    direct    alice           GET http://echo.east.pod:3000/
    reset     alice           GET http://empty-tcp-fronted.east/
    reset     alice           GET http://closed-tcp-fronted.east/
    """,
)
PROTOCOL = listed(
    "names-of-ports",
    "istio pkg/config/protocol; a port that is TCP passes a waypoint unseen by HTTP",
    """
    waypoint alice           GET http://fronted.east/
    direct   alice,outsider  GET http://port-tcp.east/
    direct   alice           GET http://port-tcp-fronted.east/
    waypoint alice           GET http://port-http2-fronted.east/
    waypoint alice           GET http://port-unnamed-fronted.east/
    waypoint alice           GET http://port-app-protocol-fronted.east/
    direct   alice           GET http://only-by-waypoint-tcp.east/
    reset    bob             GET http://only-by-waypoint.east/
    waypoint bob             GET http://only-by-waypoint-http.east/
    echo     alice,outsider  TCP tcp-echo.east:80
    echo     alice           TCP tcp-echo-fronted.east:80
    reset    outsider        TCP tcp-echo-members.east:80
    echo     alice           TCP tcp-echo-members.east:80
    """,
)


def _entry(name: str, labels: dict[str, str] | None = None) -> Object:
    ports = [{"name": "http", "number": 80, "targetPort": 3000, "protocol": "HTTP"}]
    whom = {"workloadSelector": {"labels": {"app": "echo"}}, "resolution": "STATIC"}
    spec = {"hosts": [f"{name}.example"], "location": "MESH_INTERNAL", "ports": ports, **whom}
    return make("networking.istio.io/v1", "ServiceEntry", name, "east", labels, spec=spec)


def _policies() -> list[Object]:
    """What admits members of the mesh only, nobody, or the waypoint only."""
    strict = [
        security("PeerAuthentication", app, "east", {**selected(app), "mtls": {"mode": "STRICT"}})
        for app in ("members", "tcp-echo-members")
    ]
    waypoints = allow(rule(principals=["cluster.local/ns/east/sa/service"]))
    admitted = {"plain-closed-to-all": allow(), "only-by-waypoint": waypoints}
    return [
        *strict,
        *(
            security("AuthorizationPolicy", app, "east", {**spec, **selected(app)})
            for app, spec in admitted.items()
        ),
    ]


def _alias(name: str, of: str) -> Object:
    spec = {"type": "ExternalName", "externalName": f"{of}.east.svc.cluster.local"}
    return make("v1", "Service", name, "east", spec=spec)


def _without_pods() -> list[Object]:
    """Services that lead nowhere, by waypoint or not."""
    front = uses("service")
    return [
        service("empty", "east", "nobody"),
        service("empty-fronted", "east", "nobody", front),
        service("empty-tcp-fronted", "east", "nobody", front, port="tcp"),
        service("closed", "east", "echo", target=4000),
        service("closed-fronted", "east", "echo", front, target=4000),
        service("closed-tcp-fronted", "east", "echo", front, target=4000, port="tcp"),
        service("plain-closed", "east", "plain", target=4000),
    ]


def _ports() -> list[Object]:
    front = uses("service")
    unnamed = service("port-unnamed-fronted", "east", "echo", front)
    del unnamed["spec"]["ports"][0]["name"]
    declared = service("port-app-protocol-fronted", "east", "echo", front, port="web")
    declared["spec"]["ports"][0]["appProtocol"] = "http"
    return [
        unnamed,
        declared,
        service("port-tcp", "east", "echo", port="tcp-web"),
        service("port-tcp-fronted", "east", "echo", front, port="tcp-web"),
        service("port-http2-fronted", "east", "echo", front, port="http-web"),
        service("only-by-waypoint", "east"),
        service("only-by-waypoint-http", "east", "only-by-waypoint", front),
        service("only-by-waypoint-tcp", "east", "only-by-waypoint", front, port="tcp-web"),
        service("tcp-echo", "east", target=9000, port="tcp"),
        service("tcp-echo-members", "east", target=9000, port="tcp"),
        service("tcp-echo-fronted", "east", "tcp-echo", front, target=9000, port="tcp"),
    ]


def _names() -> list[Object]:
    return [
        service("headless", "east", "echo", clusterIP="None"),
        service("headless-fronted", "east", "echo", uses("service"), clusterIP="None"),
        service("headless-pods-fronted", "east", "pod-workload", clusterIP="None"),
        _alias("alias", "echo"),
        _alias("alias-fronted", "fronted"),
        _entry("entry"),
        _entry("fronted-entry", uses("service")),
    ]


def _pods_of_waypoints() -> list[Object]:
    bound = {"workload": "workload", "all": "all", "service": "service", "none": "never-used"}
    pods = [server(f"pod-{name}", "east", uses(label)) for name, label in bound.items()]
    return [*pods, *(service(f"pod-{name}", "east") for name in ("workload", "all"))]


def _waypoints() -> list[Object]:
    chosen = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["east", "service-town"]}
    some = {"from": "Selector", "selector": {"matchExpressions": [chosen]}}
    absent = waypoint("absent", "east")
    absent["metadata"]["labels"] = {"istio.io/rev": "nobody"}
    return [
        waypoint("service", "east", "service"),
        waypoint("workload", "east", "workload"),
        waypoint("all", "east", "all"),
        waypoint("never-used", "east", "none"),
        waypoint("zero", "east", "service"),
        absent,
        waypoint("shared", "hub", "all", {"from": "All"}),
        waypoint("selected", "hub", "service", some),
    ]


def _inheriting(at: str, traffic: str) -> list[Object]:
    """A Namespace that is labelled for the waypoint of all, and what there opts out of it."""
    return [
        namespace(at, AMBIENT, uses(traffic, "hub")),
        server("echo", at),
        server("off", at, OFF),
        service("echo", at),
        service("off", at, labels=OFF),
        service("headless", at, "echo", clusterIP="None"),
        service("typo", at, "echo", uses("shraed", "hub")),
    ]


OBJECTS = (
    namespace("east", AMBIENT),
    namespace("west", AMBIENT),
    namespace("hub"),
    *_inheriting("all-town", "shared"),
    *_inheriting("service-town", "selected"),
    *_waypoints(),
    *(server(name, "east") for name in ("echo", "members", "only-by-waypoint")),
    *(server(name, "east", OPTED_OUT) for name in ("plain", "plain-closed-to-all")),
    *(server(name, "east", image=TCP) for name in ("tcp-echo", "tcp-echo-members")),
    server("echo", "west"),
    *_pods_of_waypoints(),
    *_policies(),
    *(service(name, "east") for name in ("echo", "members", "plain", "plain-closed-to-all")),
    service("fronted", "east", "echo", uses("service")),
    service("scaled-to-zero", "east", "echo", uses("zero")),
)

SCENES = (
    Scene(
        (
            service("plain-fronted", "east", "plain", uses("service")),
            service("by-workload", "east", "echo", uses("workload")),
            service("by-all", "east", "echo", uses("all")),
            service("by-none", "east", "echo", uses("never-used")),
            service("typo", "east", "echo", uses("waypiont")),
            service("never-ready", "east", "echo", uses("absent")),
            service("shared", "east", "echo", SHARED),
            service("selected", "east", "echo", uses("selected", "hub")),
            service("not-selected", "west", "echo", uses("selected", "hub")),
            service("not-permitted", "west", "echo", uses("service", "east")),
            service("own-namespace-only", "west", "echo", uses("service")),
        ),
        (*ENROLLED, *PLAIN, *BOUND, *PERMITTED, *INHERITED, *NOT_USABLE),
    ),
    Scene(tuple(_names()), tuple(NAMES)),
    Scene(tuple(_without_pods()), tuple(ABSENT)),
    Scene(tuple(_ports()), tuple(PROTOCOL)),
)
