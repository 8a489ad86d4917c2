"""The checks of lab 04: who is answered by which version, whatever the routes look like.

Which rule takes a request is the data plane's decision, so the requests decide. What they cannot show, an
exact share, is read from the rule that declares it.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, log

from labcheck.checks import task


@task("testers")
def test_testers_are_answered_by_v2(cluster, traffic, expect, params):
    """Requests to /hello that ask for the canary are all answered by v2."""
    url = f"http://helloworld.{params.namespace}:5000/hello"
    client, wish = traffic.from_("client"), {params.header: "always"}

    def look():
        attached(cluster, expect, params.namespace)
        answered_by(client, expect, params, url, wish, "v2")

    expect.settle(look)
    sample = expect.sample(lambda: client.sample(url, n=40, headers=wish))
    expect.equal(
        f"the versions that answer 40 requests with {params.header}: always",
        observed=versions(sample),
        expected={"v2": 40},
        why="The rule that takes them has several backends, or another rule comes first.",
        next=f"kubectl get httproute -n {params.namespace} -o yaml",
    )


@task("share")
def test_v2_receives_its_share_of_all_other_requests(cluster, traffic, expect, params):
    """v2 receives its share of other requests: declared, then seen in them.

    The declared shares are judged exactly. Requests then show that traffic follows them, also some with a
    value of the header that means nothing. For both together a right answer is refused twice in a million
    gradings at most (`expect.share`). Requests that all meet the same version are accepted four times in ten
    thousand at most, and so are shares that are off by 25 points, or by 30 with the header.
    """
    namespace, url = params.namespace, f"http://helloworld.{params.namespace}:5000/hello"
    wanted = {
        "helloworld-v1": Fraction(100 - params.share, 100),
        "helloworld-v2": Fraction(params.share, 100),
    }

    def declared():
        rules = [
            rule
            for route in attached(cluster, expect, namespace)
            for rule in route.at("spec", "rules", default=[])
        ]
        found = [shares(rule) for rule in rules]
        expect.holds(
            f"a rule sends {params.share} % to helloworld-v2 and the rest to helloworld-v1",
            wanted in found,
            observed="; ".join(map(said, found)),
            why="A backend's weight, relative to the sum of all weights of its rule, is its share.",
            next=f"kubectl get httproute -n {namespace} -o yaml",
        )

    expect.settle(declared)
    expect.part(1, "a rule declares the shares")
    for with_, headers, margin in (
        ("", {}, 0.25),
        (f" with {params.header}: perhaps", {params.header: "perhaps"}, 0.3),
    ):
        expect.share(
            f"requests{with_} answered by v2",
            lambda n, headers=headers: traffic.from_("client").sample(url, n, headers=headers),
            where=lambda reply: version_of(reply) == "v2",
            share=params.share / 100,
            margin=margin,
            why="Another rule takes them: one that matches as well and is older, or one that matches better.",
            next=f"kubectl get httproute -n {namespace} --sort-by=.metadata.creationTimestamp -o yaml",
        )


@task("pinned")
def test_who_wants_no_canary_gets_none(traffic, expect, params):
    """Requests to /hello that refuse the canary are never answered by v2.

    If v2 received its share of them, too, all would meet v1 by chance less than twice in a million gradings:
    that takes 59 requests where the share is 20 %, and 31 where it is 35 %.
    """
    url = f"http://helloworld.{params.namespace}:5000/hello"
    client, wish = traffic.from_("client"), {params.header: "never"}

    def look():
        answered_by(client, expect, params, url, wish, "v1")

    look()
    n = ceil(log(2e-6) / log(1 - params.share / 100))
    sample = expect.sample(lambda: client.sample(url, n, headers=wish))
    expect.equal(
        f"the versions that answer {n} requests with {params.header}: never",
        observed=versions(sample),
        expected={"v1": n},
        why="The rule with the shares takes them, because none that comes before it does.",
        next=f"kubectl get httproute -n {params.namespace} -o yaml",
    )


@task("rest")
def test_other_paths_reach_the_application(traffic, expect, params):
    """Paths that no rule names are answered by the application."""
    client, service = traffic.from_("client"), f"http://helloworld.{params.namespace}:5000"

    def look():
        health, unknown = traffic.together(
            lambda: client.get(f"{service}/health"), lambda: client.get(f"{service}/nowhere")
        )
        retry = f"kubectl exec client -n {params.office} -- curl -si {service}"
        expect.answered(
            health,
            why="A Service that has routes answers 404 to what none of their rules takes.",
            next=f"{retry}/health",
        )
        expect.holds(
            "the 404 for an unknown path is the application's own",
            unknown.code == 404 and "requested URL was not found" in unknown.body,
            observed=f"{unknown} {unknown.body[:60]!r}",
            why="The waypoint's own 404 is empty: no rule took the request.",
            next=f"{retry}/nowhere",
        )

    expect.settle(look)


def answered_by(client, expect, params, url, headers, version):
    """One request is answered by this version, through the waypoint."""
    reply = client.get(url, headers=headers)
    lines = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    command = f"kubectl exec client -n {params.office} -- curl -si {lines} {url}"
    expect.answered(reply, next=command)
    expect.holds(
        f"the version that answers a request with {lines[4:-1]} is {version}",
        version_of(reply) == version,
        observed=version_of(reply),
        why="Another rule takes it first. The path is compared before the headers: Exact before PathPrefix, "
        "then the longer one; between equals more headers win, then the older route.",
        next=command,
    )


def version_of(reply):
    return next((version for version in ("v1", "v2") if f"version: {version}" in reply.body), "none")


def versions(sample):
    return dict(sorted(sample.tally(version_of).items()))


def attached(cluster, expect, namespace):
    """The HTTPRoutes that the waypoint heeds: of this namespace, with the Service helloworld as a parent."""
    routes = cluster.all("HTTPRoute", namespace)
    wanted = ("", "Service", "helloworld")
    found = [
        route
        for route in routes
        if any(
            (ref.get("group"), ref.get("kind"), ref.get("name")) == wanted
            for ref in route.at("spec", "parentRefs", default=[])
        )
    ]
    expect.holds(
        "an HTTPRoute beside baseline whose parent is the Service helloworld",
        [route for route in found if route.name != "baseline"],
        observed=", ".join(
            f"{it.ref}: {it.at('spec', 'parentRefs')}" for it in routes if it.name != "baseline"
        )
        or f"none in {namespace}",
        why='A Service needs group: "" in a parentRef, and waypoints heed routes beside the Service.',
        next="kubectl get httproute -A",
    )
    return found


def shares(rule):
    """What each backend of a rule receives."""
    weights = {}
    for ref in rule.get("backendRefs", []):
        weights[ref["name"]] = weights.get(ref["name"], 0) + ref.get("weight", 1)
    total = sum(weights.values())
    return {name: Fraction(weight, total) for name, weight in weights.items() if weight}


def said(found):
    return ", ".join(f"{name} {float(share):.0%}" for name, share in found.items()) or "no backends"
