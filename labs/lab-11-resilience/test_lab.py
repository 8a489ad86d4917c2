"""The checks of lab 11: what callers meet when a service is slow, fails, or gets too much at once.

What is asked for are numbers; those that traffic cannot show exactly are read from the object that says them.
"""

from __future__ import annotations

import re
from functools import partial

from labcheck.checks import Refusal, task

SERVICES = ("catalogue", "checkout", "search", "inventory", "pricing")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
LOOKS = 5
"""How often at most something is looked for that a slow machine may hide."""


@task("waypoint")
def test_the_services_use_a_waypoint(cluster, traffic, expect, params):
    """Requests to the Services pass through a waypoint."""

    def look():
        for name in SERVICES:
            expect.condition(
                cluster.get("Service", name, params.namespace),
                "istio.io/WaypointBound",
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

    def declared():
        expect.equal(
            "the timeouts of the rules for catalogue, in seconds",
            observed={timeout(rule) for rule in rules(cluster, params, "catalogue")},
            expected={params.milliseconds / 1000},
            why="A route of the Service says it; a route whose parent is not the Service says nothing to it.",
            next=f"kubectl get httproute,virtualservice -n {params.namespace} -o yaml",
        )

    def look():
        return traffic.together(
            lambda: client.get(url("catalogue", "/delay/2")), lambda: client.get(url("catalogue", "/get"))
        )

    expect.settle(declared)
    slow, quick = expect.sample(lambda: until(lambda it: it[0].code == 504 and it[1].ok, [look] * LOOKS))
    expect.answered(quick, next=command(params, "catalogue", "/get"))
    expect.holds(
        "a request that takes two seconds is given up by the waypoint",
        slow.code == 504 and "upstream request timeout" in slow.body,
        observed=seen(slow),
        next=command(params, "catalogue", "/delay/2"),
    )


@task("retries")
def test_a_failure_is_tried_again(cluster, traffic, expect, params):
    """Failures are tried again: of requests that fail half the time, few do.

    The number of attempts is read. Then requests are sent, each attempt of which fails half the time: with
    three more attempts one request in 16 fails, with six one in 128. A right answer is refused once in a
    million gradings at most, one without retries is accepted four times in a million at most
    (`expect.share`).
    """
    path = "/unstable?failure_rate=0.5"

    def declared():
        expect.equal(
            "the further attempts that VirtualServices allow for checkout",
            observed={
                rule.get("retries", {}).get("attempts")
                for rule in rules(cluster, params, "checkout")
                if "route" in rule
            },
            expected={params.attempts},
            why="The first try is not one of them.",
            next=f"kubectl get virtualservice -n {params.namespace} -o yaml",
        )

    expect.settle(declared)
    expect.part(1, "a VirtualService says how often")
    failing = 0.5 ** (params.attempts + 1)
    expect.share(
        "requests that fail, where each attempt fails half the time",
        lambda n: traffic.from_("client").sample(url("checkout", path), n),
        where=lambda reply: not reply.ok,
        share=failing,
        margin=0.5 - failing,
        missed=4e-6,
        or_less=True,
        why="What is worth another try is said by retryOn. By default a 500 is not.",
        next=command(params, "checkout", path),
    )


@task("fault")
def test_some_callers_meet_a_fault(traffic, expect, params):
    """Callers who ask for a fault get it, always; others get an answer."""
    client, chaos = traffic.from_("client"), {"x-chaos": "yes"}

    def look():
        asked, other, nobody = traffic.together(
            lambda: client.get(url("search", "/get"), headers=chaos),
            lambda: client.get(url("search", "/get"), headers={"x-chaos": "no"}),
            lambda: client.get(url("search", "/get")),
        )
        for reply in (other, nobody):
            expect.answered(
                reply,
                why="Only x-chaos: yes asks for the fault, and some rule must take the rest.",
                next=command(params, "search", "/get"),
            )
        aborted([asked])

    def aborted(replies):
        spared = [it for it in replies if it.code != params.code or "fault filter abort" not in it.body]
        expect.holds(
            f"each request with x-chaos: yes is aborted with {params.code} by the waypoint",
            not spared,
            observed=f"{len(spared)} of {len(replies)} otherwise: {seen(spared[0])}" if spared else "",
            why="Rules are tried in their order, the first that matches is taken; a fault has a percentage.",
            next=f"{command(params, 'search', '/get')} -H 'x-chaos: yes'",
        )

    expect.settle(look)
    aborted(expect.sample(lambda: client.sample(url("search", "/get"), n=30, headers=chaos)).responses)


@task("breaker")
def test_what_is_too_much_is_refused_at_once(cluster, traffic, expect, params):
    """Of six requests at the same time some are answered, some overflow.

    Requests that are answered quickly may not meet on a slow machine. So they take longer from look to look,
    until some are refused: without limits none ever is.
    """
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

    def six(seconds):
        request = partial(client.get, url("inventory", f"/delay/{seconds}"), timeout=10 + 6 * seconds)
        return traffic.together(*[request] * 6)

    expect.settle(declared)
    looks = [partial(six, seconds) for seconds in (0.1, 0.5, 2, 5)]
    replies = expect.sample(lambda: until(lambda it: any(map(overflown, it)), looks))
    answered = [reply for reply in replies if reply.ok]
    refused = [reply for reply in replies if overflown(reply)]
    expect.holds(
        "of six requests at the same time some are answered, and some overflow",
        answered and refused and len(answered) + len(refused) == len(replies),
        observed=", ".join(str(reply) if reply.ok else seen(reply) for reply in replies),
        why="The DestinationRule says so, but the waypoint does not do it.",
        next=f"kubectl get destinationrule,gtw -n {params.namespace} -o yaml",
    )
    expect.refused(refused[0], by=Refusal.UNAVAILABLE, control=answered[0])
    expect.note(f"{len(answered)} answered, {len(refused)} refused")


@task("outlier")
def test_a_failing_endpoint_is_left_alone(cluster, traffic, expect, params):
    """The endpoint that fails is left alone: no request meets it any more.

    Requests let it fail: 40 at most, of which fewer than five meet it once in ten million gradings, and none
    where it rests already. After them 24 are answered, perhaps not the next ones: a proxy looks at its
    endpoints beside its work. While one that fails takes half of the requests, that happens once in three
    million gradings.
    """
    client, path = traffic.from_("client"), url("pricing", "/get")

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
    failed = 0
    for _ in range(4):
        failed += len(client.sample(path, 10).refused)
        if failed >= params.errors:
            break

    def codes():
        return dict(client.sample(path, 24).tally(lambda reply: str(reply.code)))

    answers = expect.sample(lambda: until(lambda it: it == {"200": 24}, [codes] * LOOKS))
    expect.equal(
        "the answers to 24 requests, after others that let the endpoint fail",
        observed=answers,
        expected={"200": 24},
        why="Unless maxEjectionPercent says more, 10 % of the endpoints may rest: of two, none.",
        next=f"kubectl get destinationrule -n {params.namespace} -o yaml",
    )


def until(wanted, looks):
    """What the first look shows that is wanted, else the last: for what is proved once it is seen."""
    for look in looks:
        found = look()
        if wanted(found):
            break
    return found


def overflown(reply):
    """The waypoint refused it, because a limit was reached."""
    return "overflow" in reply.body


def seen(reply):
    """An answer and how it begins."""
    return f"{reply} {reply.body[:70]!r}"


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


def timeout(rule):
    """The timeout that a rule of either kind of route says, in seconds; None where it says none."""
    said = rule.get("timeouts", {})
    found = rule.get("timeout") or said.get("request") or said.get("backendRequest")
    return seconds(found) if found else None


def policy(cluster, expect, params, service):
    """What the DestinationRule of a Service says about traffic, or for the Service's one port."""
    place = params.namespace
    known = cluster.all("DestinationRule", place)
    found = [rule for rule in known if rule.at("spec", "host") in names(service, place)]
    expect.holds(
        f"one DestinationRule for the host {service}",
        len(found) == 1,
        observed=", ".join(f"{it.ref}: {it.at('spec', 'host')}" for it in known) or f"none in {place}",
        why="The host is the Service that is called; one with a dot in it is read as a whole name.",
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
