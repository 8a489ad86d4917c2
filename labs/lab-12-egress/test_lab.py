"""The checks of lab 12: what leaves the mesh passes the waypoint, and who is refused there.

An answer that came through the waypoint carries its mark; the hosts outside call themselves otherwise. The
second host answers plain HTTP with a redirect, so a 200 to plain HTTP means that somebody else began TLS.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task


@task("waypoint")
def test_the_waypoint_is_programmed(cluster, expect, params):
    """The waypoint is a Gateway of class istio-waypoint, and programmed."""
    name, namespace = params.waypoint, params.egress
    show = f"kubectl get gtw {name} -n {namespace} -o yaml"

    def look():
        gateway = cluster.get("Gateway.gateway.networking.k8s.io", name, namespace)
        expect.equal(
            f"the class of {gateway.ref}",
            observed=gateway.at("spec", "gatewayClassName"),
            expected="istio-waypoint",
            why="What leaves the mesh in ambient mode leaves it by a waypoint, not by an egress gateway.",
            next=show,
        )
        expect.condition(gateway, "Programmed", next=show)

    expect.settle(look)


@task("entry")
def test_requests_to_httpbin_pass_through_the_waypoint(cluster, traffic, expect, params):
    """Requests to httpbin.org pass through the waypoint, allowed or not."""

    def look():
        bound(cluster, expect, params, "httpbin.org")
        answer = marked(traffic, expect, params, "worker", httpbin(params))
        expect.holds(
            "the waypoint finds the host: an answer with code 200, or a policy's 403",
            answer.code in {200, 403},
            observed=str(answer),
            next=f"kubectl get serviceentry -n {params.egress} -o yaml",
        )

    expect.settle(look)


@task("policy")
def test_one_identity_may_ask_for_one_path(traffic, expect, params):
    """One identity may GET one path; all else is refused by the waypoint."""
    worker, intern = traffic.from_("worker"), traffic.from_("intern")
    url, other = httpbin(params), "http://httpbin.org/anything"

    def look():
        allowed, *forbidden = traffic.together(
            lambda: worker.get(url),
            lambda: intern.get(url),
            lambda: worker.get(other),
            lambda: worker.get(f"{url}-more"),
            lambda: worker.get(url, method="POST"),
        )
        asked = [
            f"GET /{params.path} from intern",
            f"GET /anything from {params.worker}",
            f"GET /{params.path}-more",
            f"POST /{params.path}",
        ]
        for what, response in zip(asked, forbidden, strict=True):
            expect.refused(
                response,
                by=Refusal.FORBIDDEN,
                control=allowed,
                why=f"No rule is to fit {what}.",
                next=f"kubectl get authorizationpolicy -n {params.egress} -o yaml",
            )

    expect.settle(look)


@task("news")
def test_the_waypoint_begins_tls(cluster, traffic, expect, params):
    """Plain HTTP to the second host is answered; the waypoint speaks TLS."""

    def look():
        bound(cluster, expect, params, params.news)
        for name in ("worker", "intern"):
            expect.answered(
                marked(traffic, expect, params, name, f"http://{params.news}/"),
                why="301: nobody began TLS. 400 and 503: the waypoint and the host's port do not speak the "
                "same. 403: a policy refuses it.",
                next=f"kubectl get serviceentry,destinationrule -n {params.egress} -o yaml",
            )

    expect.settle(look)


def httpbin(params):
    return f"http://httpbin.org/{params.path}"


def bound(cluster, expect, params, host):
    """A ServiceEntry for the host is bound to the waypoint and has an address."""
    entry = cluster.find(
        "ServiceEntry",
        lambda entry: host in entry.at("spec", "hosts", default=[]),
        params.egress,
        wanted=f"a ServiceEntry for {host}",
    )
    show = f"kubectl get serviceentry {entry.name} -n {params.egress} -o yaml"
    expect.condition(
        entry,
        "istio.io/WaypointBound",
        why="Neither the ServiceEntry nor its Namespace names a waypoint that is there.",
        next=show,
    )
    expect.holds(
        f"{entry.ref} has an address",
        entry.at("spec", "addresses") or entry.at("status", "addresses"),
        observed="none given, none allocated",
        why="A pod that asks for the name gets the host's own address, which ztunnel does not know.",
        next=show,
    )


def marked(traffic, expect, params, name, url):
    """What the caller gets, which carries the waypoint's mark."""
    answer = traffic.from_(name).get(url)
    expect.holds(
        f"the reply to {name} carries server: istio-envoy, the waypoint's mark",
        answer.through_waypoint,
        observed=f"server: {answer.headers.get('server', 'none')}, in: {answer}",
        why="The request went straight to the host.",
        next=f"istioctl ztunnel-config service --service-namespace {params.egress}",
    )
    return answer
