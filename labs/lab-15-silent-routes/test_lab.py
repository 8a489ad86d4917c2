"""The checks of lab 15: what the waypoints should do, whatever it was that kept them from it.

Nothing here asks for the fault. The behaviour is judged, and that no repair took away what was not broken.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task


@task("bound")
def test_requests_to_orders_pass_through_the_shared_waypoint(cluster, traffic, expect, params):
    """Requests to orders pass through the shared waypoint."""
    wanted = f"{params.platform}/{params.shared}"
    client, url = traffic.from_("client"), f"http://orders.{params.stall}/"
    labels = f"kubectl get namespace,service -n {params.stall} --show-labels"

    def look():
        bound = cluster.get("Service", "orders", params.stall).condition("istio.io/WaypointBound")
        expect.holds(
            "the Service orders asks for a waypoint",
            bound.present,
            observed="no condition istio.io/WaypointBound on the Service",
            why="A Service asks with a label of its own; without one its Namespace asks for it.",
            next=labels,
        )
        expect.holds(
            "the Service orders gets the waypoint that it asks for",
            bound,
            observed=bound.message,
            why="A Service without its waypoint is not cut off: requests go past, and so do its policies.",
            next=labels if bound.reason == "WaypointIsNotReady" else f"kubectl get gtw -A -o yaml; {labels}",
        )
        expect.equal(
            "the waypoint that it uses",
            observed=bound.message.removeprefix("Successfully attached to waypoint ").split(".")[0],
            expected=wanted,
            next=f"kubectl get service orders -n {params.stall} -o yaml",
        )
        through = client.get(url)
        expect.answered(through, next=f"kubectl exec client -n {params.desk} -- curl -si {url}")
        expect.holds(
            "the answer carries server: istio-envoy, the waypoint's mark",
            through.through_waypoint,
            observed=f"server: {through.headers.get('server', 'none')}",
            next=f"kubectl exec client -n {params.desk} -- curl -si {url}",
        )

    expect.settle(look)


@task("readers")
def test_orders_is_read_and_not_deleted(traffic, expect, params):
    """At orders, GET is answered and DELETE is refused by the waypoint."""
    client, url = traffic.from_("client"), f"http://orders.{params.stall}/"

    def look():
        read, deleted = traffic.together(lambda: client.get(url), lambda: client.get(url, method="DELETE"))
        expect.refused(
            deleted,
            by=Refusal.FORBIDDEN,
            control=read,
            why="The policy came with the lab: it was right, and it is to stay.",
            next=f"kubectl get authorizationpolicy -n {params.stall} -o yaml",
        )

    expect.settle(look)


@task("closed")
def test_the_shared_waypoint_is_not_open_to_all(cluster, expect, params):
    """The shared waypoint still turns away a namespace that has no access."""

    def look():
        bound = cluster.get("Service", "flyers", params.neighbour).condition("istio.io/WaypointBound")
        expect.equal(
            f"why flyers in {params.neighbour} does not get the waypoint",
            observed=bound.reason if bound.present else "it does not ask for one",
            expected="AttachmentDenied",
            why="The listener admits namespaces by a label, and this one was not to have it.",
            next=f"kubectl get gtw {params.shared} -n {params.platform} -o yaml",
        )

    expect.settle(look)


@task("testers")
def test_testers_get_the_new_version(traffic, expect, params):
    """Who sends tester: yes gets v2, everybody else v1, by the waypoint."""
    client, url = traffic.from_("client"), f"http://helloworld.{params.shop}:5000/hello"

    def look():
        tester, other = traffic.together(
            lambda: client.get(url, headers={"tester": "yes"}), lambda: client.get(url)
        )
        show = f"kubectl get httproute -A -o yaml; kubectl exec client -n {params.desk} -- curl -si {url}"
        for who, answer, version in (("a tester", tester, "v2"), ("somebody else", other, "v1")):
            expect.answered(answer, next=show)
            expect.contains(
                f"the answer to {who}", observed=answer.body, item=f"version: {version}", next=show
            )
            expect.holds(f"the answer to {who} came through the waypoint", answer.through_waypoint, next=show)

    expect.settle(look)


@task("archive")
def test_every_path_of_quotes_has_its_application(traffic, expect, params):
    """The archive answers what is below /archive, quotes everything else."""
    client, url = traffic.from_("client"), f"http://quotes.{params.shop}"
    wanted = {"/archive": "archive", "/archive/1922": "archive", "/": "quotes", "/today": "quotes"}

    def look():
        answers = traffic.together(*(lambda path=path: client.get(f"{url}{path}") for path in wanted))
        for (path, name), answer in zip(wanted.items(), answers, strict=True):
            show = f"kubectl exec client -n {params.desk} -- curl -si {url}{path}"
            expect.answered(answer, why="The waypoint knows no way for this request.", next=show)
            expect.contains(f"the answer to {path}", observed=answer.body, item=f'"pod": "{name}-', next=show)

    expect.settle(look)
