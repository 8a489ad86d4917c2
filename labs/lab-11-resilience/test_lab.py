"""The checks of lab 11: what callers meet when a service is slow, fails, or gets too much at once.

What is asked for are numbers; those that traffic cannot show exactly are read from the object that says them.
"""

from __future__ import annotations

import re

from labcheck.checks import Refusal, task

SERVICES = ("catalogue", "checkout", "search", "inventory", "pricing")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@task("waypoint")
def test_the_services_use_a_waypoint(cluster, traffic, expect, params):
    """Requests to the Services pass through a waypoint."""

    def look():
        for name in SERVICES:
            bound = cluster.get("Service", name, params.namespace).condition("istio.io/WaypointBound")
            expect.holds(
                f"the Service {name} is bound to a waypoint",
                bound,
                observed=str(bound or "no condition istio.io/WaypointBound"),
                why="Neither the Service nor its namespace names a waypoint that is ready.",
                next=f"kubectl get gtw,services -n {params.namespace} -o yaml",
            )
        reply = traffic.from_("client").get(url("catalogue", "/get"))
        expect.answered(reply, next=command(params, "catalogue", "/get"))
        expect.holds(
            "an answer of catalogue carries server: istio-envoy, the waypoint's mark",
            reply.through_waypoint,
            observed=f"server: {reply.headers.get('server', 'none')}",
            next=command(params, "catalogue", "/get"),
        )

    expect.settle(look)


@task("timeout")
def test_a_slow_answer_is_given_up(cluster, traffic, expect, params):
    """A request that takes too long is answered with 504, another one is not."""
    client = traffic.from_("client")

    def look():
        limits = [limit for rule in rules(cluster, params, "catalogue") for limit in timeouts(rule)]
        expect.equal(
            "the timeouts of the routes of catalogue, in seconds",
            observed=limits,
            expected=[params.milliseconds / 1000],
            why="A route of the Service says it; a route whose parent is not the Service says nothing to it.",
            next=f"kubectl get httproute,virtualservice -n {params.namespace} -o yaml",
        )
        slow, quick = traffic.together(
            lambda: client.get(url("catalogue", "/delay/2")), lambda: client.get(url("catalogue", "/get"))
        )
        expect.answered(quick, next=command(params, "catalogue", "/get"))
        expect.holds(
            "a request that takes two seconds is given up by the waypoint",
            slow.code == 504 and "upstream request timeout" in slow.body,
            observed=f"{slow} {slow.body[:60]!r}",
            next=command(params, "catalogue", "/delay/2"),
        )

    expect.settle(look)


@task("retries")
def test_a_failure_is_tried_again(cluster, traffic, expect, params):
    """Failures are tried again: of requests that fail half the time, few do.

    The number of attempts is read. Then 100 requests are sent, whose attempts fail with a chance of one half.
    With three more attempts 6 are expected to fail, and more than 25 do once in 10 billion gradings; without
    retries that few fail three times in 10 million.
    """
    path = "/unstable?failure_rate=0.5"

    def declared():
        found = [
            rule["retries"].get("attempts")
            for rule in rules(cluster, params, "checkout")
            if rule.get("retries")
        ]
        expect.equal(
            "the attempts that a VirtualService allows for checkout",
            observed=found,
            expected=[params.attempts],
            next=f"kubectl get virtualservice -n {params.namespace} -o yaml",
        )

    expect.settle(declared)
    expect.part(1, "a VirtualService says how often")
    sample = expect.sample(lambda: traffic.from_("client").sample(url("checkout", path), n=100, timeout=5))
    failed = sample.count(lambda reply: reply.code != 200)
    expect.holds(
        "at most 25 of 100 requests fail, where each attempt fails half the time",
        failed <= 25,
        observed=f"{failed} of {sample.n} failed: {dict(sample.tally(str))}",
        why="What is worth another try is said by retryOn. By default a 500 is not.",
        next=command(params, "checkout", path),
    )
    expect.note(f"{failed} of {sample.n} failed")


@task("fault")
def test_some_callers_meet_a_fault(traffic, expect, params):
    """Callers who ask for a fault get it, others an answer."""
    client = traffic.from_("client")

    def look():
        asked, other, nobody = traffic.together(
            lambda: client.get(url("search", "/get"), headers={"x-chaos": "yes"}),
            lambda: client.get(url("search", "/get"), headers={"x-chaos": "no"}),
            lambda: client.get(url("search", "/get")),
        )
        for reply in (other, nobody):
            expect.answered(
                reply,
                why="Only x-chaos: yes asks for the fault, and some rule must take the rest.",
                next=command(params, "search", "/get"),
            )
        expect.holds(
            f"a request with x-chaos: yes is aborted with {params.code} by the waypoint",
            asked.code == params.code and "fault filter abort" in asked.body,
            observed=f"{asked} {asked.body[:60]!r}",
            why="Rules of a VirtualService are tried in their order: the first that matches is taken.",
            next=f"{command(params, 'search', '/get')} -H 'x-chaos: yes'",
        )

    expect.settle(look)


@task("breaker")
def test_what_is_too_much_is_refused_at_once(cluster, traffic, expect, params):
    """Of six requests at the same time some are answered, some overflow."""
    client = traffic.from_("client")

    def declared():
        pool = policy(cluster, expect, params, "inventory").get("connectionPool", {})
        found = {
            "tcp.maxConnections": pool.get("tcp", {}).get("maxConnections"),
            "http.http1MaxPendingRequests": pool.get("http", {}).get("http1MaxPendingRequests"),
        }
        expect.equal(
            "the connection pool of inventory",
            observed=found,
            expected=dict.fromkeys(found, 1),
            why="With one of the limits alone the others wait, however many they are, or connect.",
            next=f"kubectl get destinationrule -n {params.namespace} -o yaml",
        )

    expect.settle(declared)
    path = "/delay/1"
    replies = expect.sample(
        lambda: traffic.together(*[lambda: client.get(url("inventory", path), timeout=10)] * 6)
    )
    answered = [reply for reply in replies if reply.ok]
    overflown = [reply for reply in replies if "overflow" in reply.body]
    rest = [reply for reply in replies if not reply.ok]
    expect.holds(
        "of six requests at the same time some are answered, and some overflow",
        answered and overflown and overflown == rest,
        observed=", ".join(
            f"{reply} {reply.body[:70]}".strip() if reply in rest else str(reply) for reply in replies
        ),
        why="The DestinationRule says so, but the waypoint does not do it.",
        next=f"kubectl get destinationrule,gtw -n {params.namespace} -o yaml",
    )
    expect.refused(overflown[0], by=Refusal.UNAVAILABLE, control=answered[0])
    expect.note(f"{len(answered)} answered, {len(overflown)} refused")


@task("outlier")
def test_a_failing_endpoint_is_left_alone(cluster, traffic, expect, params):
    """The endpoint that fails is left alone: no request meets it any more.

    30 requests let it fail; after them 40 are answered. While it takes half of the requests, that happens
    once in a million million gradings.
    """
    client = traffic.from_("client")

    def declared():
        detection = policy(cluster, expect, params, "pricing").get("outlierDetection", {})
        expect.equal(
            "after how many errors an endpoint of pricing rests, and for how many seconds",
            observed=(
                detection.get("consecutive5xxErrors"),
                seconds(detection.get("baseEjectionTime", "0s")),
            ),
            expected=(params.errors, 60.0),
            next=f"kubectl get destinationrule -n {params.namespace} -o yaml",
        )

    expect.settle(declared)
    expect.part(1, "a DestinationRule says after how many errors")
    client.sample(url("pricing", "/get"), n=30)
    sample = expect.sample(lambda: client.sample(url("pricing", "/get"), n=40))
    expect.equal(
        "the codes of 40 answers, after 30 requests that let the endpoint fail",
        observed={str(code): count for code, count in sample.tally(lambda reply: reply.code).items()},
        expected={"200": 40},
        why="Unless maxEjectionPercent says more, 10 % of the endpoints may rest: of two, none.",
        next=f"kubectl get destinationrule -n {params.namespace} -o yaml",
    )


def url(service, path):
    return f"http://{service}:8000{path}"


def command(params, service, path):
    return f"kubectl exec client -n {params.namespace} -- curl -si '{url(service, path)}'"


def rules(cluster, params, service):
    """The rules of all routes of a Service, of either kind."""
    place = params.namespace
    for route in cluster.all("HTTPRoute", place):
        refs = route.at("spec", "parentRefs", default=[])
        if any((it.get("group"), it.get("kind"), it.get("name")) == ("", "Service", service) for it in refs):
            yield from route.at("spec", "rules", default=[])
    for route in cluster.all("VirtualService", place):
        if names(service, place) & set(route.at("spec", "hosts", default=[])):
            yield from route.at("spec", "http", default=[])


def timeouts(rule):
    """The timeouts of a rule, in seconds: of an HTTPRoute's, or of a VirtualService's."""
    said = rule.get("timeouts", {})
    found = rule.get("timeout") or said.get("request") or said.get("backendRequest")
    return [seconds(found)] if found else []


def policy(cluster, expect, params, service):
    """What the DestinationRule of a Service says about traffic, or for the Service's one port."""
    place = params.namespace
    known = cluster.all("DestinationRule", place)
    found = [rule for rule in known if rule.at("spec", "host") in names(service, place)]
    expect.holds(
        f"one DestinationRule for the host {service}",
        len(found) == 1,
        observed=", ".join(f"{it.ref}: {it.at('spec', 'host')}" for it in known) or f"none in {place}",
        why="Its host is the Service that is called, not what runs behind it.",
        next=f"kubectl get destinationrule -n {place}",
    )
    said = found[0].at("spec", "trafficPolicy", default={})
    return {**said, **next(iter(said.get("portLevelSettings", [])), {})}


def names(service, namespace):
    """How an object may name a Service."""
    return {service, f"{service}.{namespace}.svc.cluster.local"}


def seconds(duration):
    """What `1m`, `0.6s` or `600ms` mean."""
    found = re.findall(r"([\d.]+)(h|ms|m|s)", duration)
    return round(sum(float(number) * UNITS[unit] for number, unit in found), 3)
