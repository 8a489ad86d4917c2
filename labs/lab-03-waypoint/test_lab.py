"""The checks of lab 03: enrolment, a waypoint that is used, and the share it sends to v2."""

from __future__ import annotations

from fractions import Fraction

from labcheck.checks import task

URL = "http://helloworld:5000/hello"


@task("enrolled")
def test_the_namespace_and_its_pods_are_in_the_mesh(cluster, expect, params):
    """The namespace is in the ambient mesh, and its pods are."""
    name = params.namespace

    def look():
        expect.equal(
            f"the label istio.io/dataplane-mode of the namespace {name}",
            observed=cluster.get("Namespace", name).labels.get("istio.io/dataplane-mode"),
            expected="ambient",
            why="This label, on the Namespace, puts running pods behind ztunnel.",
            next=f"kubectl get namespace {name} --show-labels",
        )
        pods = [pod for pod in cluster.all("Pod", name) if pod.labels.get("app") in {"client", "helloworld"}]
        captured = [pod for pod in pods if pod.annotations.get("ambient.istio.io/redirection") == "enabled"]
        expect.holds(
            "every pod of the namespace is captured by ztunnel",
            len(pods) >= 3 and len(captured) == len(pods),
            observed=f"{len(captured)} of {len(pods)} pods carry ambient.istio.io/redirection: enabled",
            why="A pod opts out when it carries the label istio.io/dataplane-mode itself.",
            next=f"kubectl describe pods -n {name}",
        )
        expect.note(f"{len(captured)} pods captured")

    expect.settle(look)


@task("waypoint")
def test_the_waypoint_is_programmed(cluster, expect, params):
    """The waypoint is a Gateway of class istio-waypoint, and programmed."""
    name, namespace = params.waypoint, params.namespace
    show = f"kubectl get gtw {name} -n {namespace} -o yaml"

    def look():
        gateway = cluster.get("Gateway.gateway.networking.k8s.io", name, namespace)
        expect.equal(
            f"the class of {gateway.ref}",
            observed=gateway.at("spec", "gatewayClassName"),
            expected="istio-waypoint",
            why="Only this class makes a waypoint; the class istio makes an ingress gateway.",
            next=show,
        )
        expect.equal(
            "its listeners",
            observed=[
                f"{listener.get('protocol')} on port {listener.get('port')}"
                for listener in gateway.at("spec", "listeners", default=[])
            ],
            expected=["HBONE on port 15008"],
            why="A waypoint has one listener, the one that ztunnel speaks to.",
            next=show,
        )
        expect.condition(gateway, "Programmed", next=show)
        expect.note(f"{namespace}/{name}")

    expect.settle(look)


@task("bound")
def test_requests_to_the_service_pass_through_the_waypoint(cluster, traffic, expect, params):
    """Requests to helloworld pass through the waypoint."""
    namespace = params.namespace
    show = f"kubectl get service helloworld -n {namespace} -o yaml"
    client, outsider = traffic.from_("client"), traffic.from_("outsider")

    def look():
        service = cluster.get("Service", "helloworld", namespace)
        bound = service.condition("istio.io/WaypointBound")
        expect.holds(
            "the Service helloworld uses a waypoint",
            bound.present,
            observed="no condition istio.io/WaypointBound on the Service",
            why="Neither the Service nor its namespace names a waypoint with istio.io/use-waypoint.",
            next=f"kubectl get namespace {namespace} --show-labels",
        )
        expect.condition(service, bound.type, next=show)
        expect.equal(
            "the waypoint that it uses",
            observed=bound.message.removeprefix("Successfully attached to waypoint ").split(".")[0],
            expected=f"{namespace}/{params.waypoint}",
            next=show,
        )
        through = client.get(URL)
        expect.answered(through, next=f"kubectl exec client -n {namespace} -- curl -si {URL}")
        expect.holds(
            "a reply to client carries server: istio-envoy, the waypoint's mark",
            through.through_waypoint,
            observed=f"server: {through.headers.get('server', 'none')}",
            why="The request went to the application without passing the waypoint.",
            next=f"kubectl exec client -n {namespace} -- curl -si {URL}",
        )

    expect.settle(look)
    # The control: the mark must come from the waypoint, not from the application.
    past = outsider.get(f"http://helloworld.{namespace}:5000/hello")
    expect.answered(past)
    expect.holds(
        "a reply to outsider, which is not in the mesh, carries the application's own server",
        not past.through_waypoint,
        observed=f"server: {past.headers.get('server', 'none')}",
        why=f"The namespace {params.outside} should stay outside the mesh.",
        next=f"kubectl get namespace {params.outside} --show-labels",
    )


@task("split")
def test_v2_receives_its_share_of_the_requests(cluster, traffic, expect, params):
    """v2 receives its share: declared exactly, then seen in requests.

    The declared weights are judged exactly. As many requests as it takes, on average 88 to 130, then show
    that traffic follows them: a right answer is refused once in a million gradings at most, and a Service
    that still splits evenly is accepted at most four times in ten thousand (`expect.share`).
    """
    namespace = params.namespace

    def declared():
        route = attached_route(cluster, expect, namespace)
        show = f"kubectl get httproute {route.name} -n {namespace} -o yaml"
        for condition in ("Accepted", "ResolvedRefs"):
            expect.condition(route, condition, parent="helloworld", next=show)
        rule = rule_for_hello(route)
        expect.holds(
            "a rule of the route takes GET /hello",
            rule is not None,
            observed="every rule asks for another path, method, header or query",
            next=show,
        )
        expect.equal(
            "the shares that its backends declare",
            observed=shares(rule, namespace),
            expected={
                "helloworld-v1:5000": f"{100 - params.share} %",
                "helloworld-v2:5000": f"{params.share} %",
            },
            why="A backend's weight, relative to the sum of all weights, is its share.",
            next=show,
        )

    expect.settle(declared)
    expect.part(2, "the route declares the shares as it should")

    def elsewhere():
        url = "http://helloworld:5000/health"
        expect.answered(
            traffic.from_("client").get(url),
            why="The shares are those of all requests; a path that no rule takes is answered 404.",
            next=f"kubectl exec client -n {namespace} -- curl -si {url}",
        )

    expect.settle(elsewhere)
    expect.share(
        "requests answered by v2",
        lambda n: traffic.from_("client").sample(URL, n),
        where=lambda reply: "version: v2" in reply.body,
        share=params.share / 100,
        why="The route is declared as it should be, but traffic does not follow it.",
        next=f"kubectl get httproute,gtw,service -n {namespace} -o yaml",
    )


def attached_route(cluster, expect, namespace):
    """The one HTTPRoute whose parent is the Service helloworld."""
    routes = cluster.all("HTTPRoute", namespace)
    attached = [route for route in routes if any(map(is_the_service, parents(route)))]
    almost = next((f"{route.ref}: {near}" for route in routes for near in parents(route)), "no HTTPRoute")
    expect.holds(
        "an HTTPRoute whose parent is the Service helloworld",
        attached,
        observed=almost,
        why='A Service is in the core group: its parentRef needs group: "" and kind: Service, because both '
        "default to the Gateway API's Gateway.",
        next=f"kubectl get httproute -n {namespace} -o yaml",
    )
    expect.holds(
        "one HTTPRoute decides about the Service helloworld",
        len(attached) == 1,
        observed=", ".join(route.ref for route in attached),
        why="Rules of several routes are merged, and the oldest wins.",
        next=f"kubectl get httproute -n {namespace}",
    )
    return attached[0]


def parents(route):
    """The route's parentRefs with the fields that say what they name."""
    fields = ("group", "kind", "namespace", "name", "port")
    refs = route.at("spec", "parentRefs", default=[])
    return [{field: ref[field] for field in fields if field in ref} for ref in refs]


def is_the_service(ref):
    return (ref.get("group"), ref.get("kind"), ref.get("name")) == ("", "Service", "helloworld") and ref.get(
        "port", 5000
    ) == 5000


def rule_for_hello(route):
    """The rule that takes a plain GET /hello: the longest path that fits, then the first."""
    fitting = [
        (len(path), -position, rule)
        for position, rule in enumerate(route.at("spec", "rules", default=[]))
        for path in [fitting_path(match) for match in rule.get("matches", [{}])]
        if path is not None
    ]
    return max(fitting, key=lambda entry: entry[:2])[2] if fitting else None


def fitting_path(match):
    if match.get("headers") or match.get("queryParams") or match.get("method", "GET") != "GET":
        return None
    path = match.get("path", {})
    value = path.get("value", "/")
    if path.get("type", "PathPrefix") == "Exact":
        return value if value == "/hello" else None
    return value if value.rstrip("/") in {"", "/hello"} else None


def shares(rule, namespace):
    """What each backend of a rule receives, as `{"helloworld-v2:5000": "10 %"}`."""
    weights = {}
    for ref in rule.get("backendRefs", []):
        place = "" if ref.get("namespace", namespace) == namespace else f"{ref['namespace']}/"
        backend = f"{place}{ref['name']}:{ref.get('port')}"
        weights[backend] = weights.get(backend, 0) + ref.get("weight", 1)
    total = sum(weights.values())
    return {
        backend: f"{Fraction(weight * 100, total)} %" for backend, weight in sorted(weights.items()) if weight
    }
