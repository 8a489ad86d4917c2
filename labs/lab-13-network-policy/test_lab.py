"""The checks of lab 13: what gets through the fence, and who stops what does not.

A NetworkPolicy drops packets. A caller outside the mesh sees a timeout; for one in the mesh its ztunnel waits
ten seconds and then resets, so such a request is given more time than that. What takes even longer is a name
server that does not answer, which curl tells of with 6 or with 28.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task

NOT_RESOLVED = {6, 28}
LONGER_THAN_ZTUNNEL_WAITS = 15.0


@task("names")
def test_names_are_resolved(traffic, expect, params):
    """clerk resolves a name that only the name server knows."""
    client, name = traffic.from_("clerk"), params.old_name

    def look():
        response = client.get(f"http://{name}/", timeout=LONGER_THAN_ZTUNNEL_WAITS)
        expect.holds(
            f"the name {name} is resolved",
            response.exit_code not in NOT_RESOLVED,
            observed=str(response),
            why="ztunnel does not know an ExternalName. What it asks the name server for clerk is dropped.",
            next=f"kubectl get networkpolicy -n {params.shop} -o yaml",
        )

    expect.settle(look)


@task("mesh")
def test_pods_of_the_mesh_talk_to_each_other(traffic, expect, params):
    """clerk is answered by stock, from ztunnel to ztunnel."""
    expect.settle(lambda: answered_to_clerk(traffic, expect, "stock"))


@task("waypoint")
def test_the_waypoint_is_let_in_and_out(traffic, expect, params):
    """clerk is answered by orders, and the waypoint has seen it."""

    def look():
        response = answered_to_clerk(traffic, expect, "orders")
        expect.holds(
            "the reply carries server: istio-envoy, the waypoint's mark",
            response.through_waypoint,
            observed=f"server: {response.headers.get('server', 'none')}",
            next=f"kubectl get service orders -n {params.shop} -o yaml",
        )

    expect.settle(look)


@task("fence")
def test_the_fence_still_stands(cluster, traffic, expect, params):
    """All is denied by default: plaintext from outside, and ways out."""
    clerk, stranger = traffic.from_("clerk"), traffic.from_("stranger")
    inside, outside = f"http://stock.{params.shop}/", f"http://kiosk.{params.outside}/"

    def look():
        cluster.find(
            "NetworkPolicy",
            denies_by_default,
            params.shop,
            wanted="a NetworkPolicy for all pods, for both directions, that lets nothing through",
        )
        entering, entered, leaving, control = traffic.together(
            lambda: stranger.get(inside, timeout=2),
            lambda: clerk.get(inside),
            lambda: clerk.get(outside, timeout=LONGER_THAN_ZTUNNEL_WAITS),
            lambda: stranger.get(outside),
        )
        show = f"kubectl get networkpolicy -n {params.shop} -o yaml"
        expect.refused(
            entering,
            by=Refusal.TIMEOUT,
            control=entered,
            why=f"Some policy lets in more than the mesh, of which {params.outside} is no part.",
            next=show,
        )
        expect.refused(
            leaving,
            by=Refusal.RESET,
            control=control,
            why="Some policy lets clerk out to anywhere, and not only to its own namespace.",
            next=show,
        )

    expect.settle(look)


@task("ports")
def test_the_partner_reaches_one_port(traffic, expect, params):
    """A partner is answered at one port of stock, and reset at another."""
    clerk, agent = traffic.from_("clerk"), traffic.from_("agent")
    main, metrics = f"http://stock.{params.shop}/", f"http://stock.{params.shop}:9090/metrics"

    def look():
        own, scraped, allowed, refused = traffic.together(
            lambda: clerk.get(main),
            lambda: clerk.get(metrics),
            lambda: agent.get(main),
            lambda: agent.get(metrics),
        )
        show = f"kubectl get networkpolicy,authorizationpolicy -n {params.shop} -o yaml"
        for response in (own, scraped):
            expect.answered(response, why="Pods of the namespace itself need both ports.", next=show)
        expect.refused(
            refused,
            by=Refusal.RESET,
            control=allowed,
            why="As far as a NetworkPolicy sees, both ports are 15008. ztunnel sees which one was dialled.",
            next=show,
        )

    expect.settle(look)


def answered_to_clerk(traffic, expect, service):
    response = traffic.from_("clerk").get(f"http://{service}/", timeout=LONGER_THAN_ZTUNNEL_WAITS)
    expect.answered(
        response,
        why="On the way each pod must be let out, and each be let in, at the port of HBONE.",
        next="kubectl logs -n istio-system ds/ztunnel --tail=20",
    )
    return response


def denies_by_default(policy):
    spec = policy.get("spec") or {}
    return (
        not any((spec.get("podSelector") or {}).values())
        and set(spec.get("policyTypes") or []) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )
