"""The checks of lab 04: who is answered by which version, whatever the routes look like.

Which rule takes a request is the data plane's decision, so the requests decide. What they cannot show, an
exact share, is read from the rule that declares it.
"""

from __future__ import annotations

from fractions import Fraction

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
    """v2 receives its share of other requests: declared, then seen in 300.

    The declared shares are judged exactly. The samples then show that traffic follows them, 120 requests also
    with a value of the header that means nothing: a right answer is refused twice in a million gradings
    (binomial bounds, `expect.share`), and one by which all of them meet the same version is never accepted.
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
    for n, headers in ((300, {}), (120, {params.header: "perhaps"})):
        sample = expect.sample(
            lambda n=n, headers=headers: traffic.from_("client").sample(url, n=n, headers=headers)
        )
        with_ = f" with {params.header}: perhaps" if headers else ""
        expect.holds(
            f"every request{with_} is answered",
            not sample.refused,
            observed=f"{len(sample.refused)} of {sample.n} were not: {next(iter(sample.refused), '')}",
            next=f"kubectl exec client -n {params.office} -- curl -si {url}",
        )
        expect.share(
            f"requests{with_} answered by v2",
            count=versions(sample).get("v2", 0),
            of=sample.n,
            share=params.share / 100,
            why="Another rule takes them: one that matches as well and is older, or one that matches better.",
            next=f"kubectl get httproute -n {namespace} --sort-by=.metadata.creationTimestamp -o yaml",
        )


@task("pinned")
def test_who_wants_no_canary_gets_none(traffic, expect, params):
    """Requests to /hello that refuse the canary are never answered by v2.

    60 requests: with the least share that the lab has, they would all meet v1 by chance less than twice in a
    million gradings.
    """
    url = f"http://helloworld.{params.namespace}:5000/hello"
    client, wish = traffic.from_("client"), {params.header: "never"}

    def look():
        answered_by(client, expect, params, url, wish, "v1")

    look()
    sample = expect.sample(lambda: client.sample(url, n=60, headers=wish))
    expect.equal(
        f"the versions that answer 60 requests with {params.header}: never",
        observed=versions(sample),
        expected={"v1": 60},
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
        "an HTTPRoute beside stable whose parent is the Service helloworld",
        [route for route in found if route.name != "stable"],
        observed=", ".join(f"{it.ref}: {it.at('spec', 'parentRefs')}" for it in routes if it.name != "stable")
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
