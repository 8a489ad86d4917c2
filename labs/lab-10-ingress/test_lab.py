"""The checks of lab 10: a gateway that is open, for one host, also over TLS, and the waypoint behind it.

The waypoint stamps each reply with the header `x-passed` and refuses `/admin`; the gateway does neither.
The visitor's curl trusts one authority, whose key is gone: an answer over TLS proves the certificate.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task


@task("gateway")
def test_the_gateway_is_open(cluster, expect, params):
    """The gateway is of class istio, listens on port 80, and has an address."""
    name, namespace = params.gateway, params.edge
    show = f"kubectl get gtw {name} -n {namespace} -o yaml"

    def look():
        gateway = cluster.get("Gateway.gateway.networking.k8s.io", name, namespace)
        expect.equal(
            f"the class of {gateway.ref}",
            observed=gateway.at("spec", "gatewayClassName"),
            expected="istio",
            why="This class makes a gateway for requests from outside; istio-waypoint makes a waypoint.",
            next=show,
        )
        listeners = gateway.at("spec", "listeners", default=[])
        expect.contains(
            "its listeners",
            observed=[f"{listener.get('protocol')} on port {listener.get('port')}" for listener in listeners],
            item="HTTP on port 80",
            next=show,
        )
        expect.condition(gateway, "Programmed", next=show)
        expect.note(f"at {address(cluster, params)}")

    expect.settle(look)


@task("route")
def test_visitors_reach_the_storefront(cluster, traffic, expect, params):
    """A visitor who asks the gateway for the host is answered by storefront."""

    def look():
        answer = asked(cluster, traffic, params, own_host(params))
        expect.answered(
            answer,
            why=f"404: no route took it. 500: a route has no right to its backend. {states(cluster)}",
            next="kubectl get httproute -A -o yaml",
        )
        from_storefront(expect, params, answer)

    expect.settle(look)


@task("others")
def test_other_hosts_are_not_found(cluster, traffic, expect, params):
    """Who asks the gateway for another host gets 404, from the gateway."""

    def look():
        others = ["example.com", f"other.{own_host(params)}", "www.example.com"]
        own, *replies = traffic.together(
            *(lambda host=host: asked(cluster, traffic, params, host) for host in [own_host(params), *others])
        )
        expect.answered(own, next="kubectl get httproute -A -o yaml")
        for host, reply in zip(others, replies, strict=True):
            expect.equal(
                f"the code of an answer to Host: {host}",
                observed=reply.code,
                expected=404,
                why="A route without hostnames, at a listener without one, takes every host.",
                next="kubectl get httproute -A -o yaml",
            )

    expect.settle(look)


@task("tls")
def test_visitors_are_answered_over_tls(cluster, traffic, expect, params):
    """A visitor who asks by https is shown the certificate, and answered."""
    name, namespace, url = params.gateway, params.edge, f"https://{own_host(params)}/"

    def look():
        answer = traffic.from_("visitor").get(url, at=address(cluster, params))
        said = complaints(cluster, params) or "No listener complains; mind its host and its protocol."
        expect.answered(
            answer,
            why=f"{said} {states(cluster)}",
            next=f"kubectl get gtw {name} -n {namespace} -o yaml",
        )
        from_storefront(expect, params, answer)

    expect.settle(look)


@task("waypoint")
def test_visitors_pass_through_the_waypoint(cluster, traffic, expect, params):
    """What visitors ask for passes the waypoint, which refuses them /admin."""
    url, show = "http://storefront/", f"kubectl get service storefront -n {params.shop} -o yaml"
    host = own_host(params)

    def look():
        inside, home, admin = traffic.together(
            lambda: traffic.from_("client").get(url),
            lambda: asked(cluster, traffic, params, host),
            lambda: asked(cluster, traffic, params, host, "/admin"),
        )
        expect.equal(
            "the stamp x-passed on a reply to client, which is in the mesh",
            observed=inside.headers.get("x-passed"),
            expected="waypoint",
            why="The waypoint came with the lab and is to stay as it is.",
            next=show,
        )
        expect.equal(
            "the stamp x-passed on a reply to visitor, which came in by the gateway",
            observed=home.headers.get("x-passed"),
            expected="waypoint",
            why="The gateway went straight to the pod, past the waypoint and past its policies.",
            next=show,
        )
        expect.refused(
            admin,
            by=Refusal.FORBIDDEN,
            control=home,
            why="The policy no-admin holds at the waypoint, for all who come through it.",
            next=f"kubectl get authorizationpolicy -n {params.shop} -o yaml",
        )

    expect.settle(look)


def own_host(params):
    return f"{params.host}.example.com"


def address(cluster, params):
    """Where the gateway is, as its status says."""
    gateway = cluster.get("Gateway.gateway.networking.k8s.io", params.gateway, params.edge)
    return gateway.at("status", "addresses", 0, "value", default="nowhere.invalid")


def asked(cluster, traffic, params, host, path="/"):
    """What visitor gets at the gateway's address."""
    url = f"http://{address(cluster, params)}{path}"
    return traffic.from_("visitor").get(url, headers={"Host": host})


def from_storefront(expect, params, answer):
    """A visitor's answer is that of storefront."""
    expect.holds(
        f"the answer comes from storefront in {params.shop}",
        '"pod": "storefront-' in answer.body and f'"namespace": "{params.shop}"' in answer.body,
        observed=str(answer),
        next="kubectl get httproute -A -o yaml",
    )


def complaints(cluster, params):
    """What the listeners of the gateway say is wrong with them."""
    gateway = cluster.get("Gateway.gateway.networking.k8s.io", params.gateway, params.edge)
    return "; ".join(
        f"Listener {listener['name']}: {condition['message']}"
        for listener in gateway.at("status", "listeners", default=[])
        for condition in listener["conditions"]
        if condition["status"] == "False" and condition["type"] != "Conflicted"
    )


def states(cluster):
    """What gateways say about the routes that named them."""
    said = [
        f"{route.ref}: {condition['message']}"
        for route in cluster.all("HTTPRoute")
        for parent in route.at("status", "parents", default=[])
        for condition in parent["conditions"]
        if condition["status"] == "False" and parent["parentRef"].get("kind") != "Service"
    ]
    return "; ".join(said)
