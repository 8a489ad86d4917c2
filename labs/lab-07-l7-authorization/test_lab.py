"""The checks of lab 07: what the waypoint lets through (403 is its way to refuse), and what ztunnel does
with those who go past it (a reset).

A 503 is neither: there the waypoint agreed, and the workload refused the waypoint.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task


@task("visitor")
def test_visitors_read_one_section(traffic, expect, params):
    """visitor may GET one section of catalogue, and is refused all else."""
    url, elsewhere = catalogue(params, f"{params.section}/1"), catalogue(params, "cellar")
    beside = catalogue(params, f"{params.section}-in-storage")
    visitor, passerby = traffic.from_("visitor"), traffic.from_("passerby")

    def look():
        read, written, wandered, strayed, passed = traffic.together(
            lambda: visitor.get(url),
            lambda: visitor.get(url, method="POST"),
            lambda: visitor.get(elsewhere),
            lambda: visitor.get(beside),
            lambda: passerby.get(url),
        )
        allowed(expect, params, f"visitor may GET {url}", read)
        forbidden(expect, params, written, read, "visitor may GET; this was a POST.")
        forbidden(expect, params, wandered, read, f"visitor may read below /anything/{params.section} only.")
        forbidden(expect, params, strayed, read, f"{beside} begins like the section, and is not below it.")
        forbidden(
            expect, params, passed, read, "Only the ServiceAccount visitor may read there, and curator."
        )

    expect.settle(look)


@task("curator")
def test_curators_may_do_anything(traffic, expect, params):
    """curator may read, write and delete in catalogue; others may not."""
    url = catalogue(params, "cellar")
    curator, passerby, janitor = map(traffic.from_, ("curator", "passerby", "janitor"))

    def look():
        deleted, written, *others = traffic.together(
            lambda: curator.get(url, method="DELETE"),
            lambda: curator.get(url, method="POST"),
            lambda: passerby.get(url, method="POST"),
            lambda: janitor.get(url),
        )
        allowed(expect, params, f"curator may DELETE {url}", deleted)
        for other in others:
            forbidden(expect, params, other, written, "No rule but curator's is to allow this.")

    expect.settle(look)


@task("everywhere")
def test_nobody_is_given_what_is_hidden(cluster, traffic, expect, params):
    """What is hidden is refused at both Services, by a policy of the waypoint."""
    curator, passerby = traffic.from_("curator"), traffic.from_("passerby")

    def look():
        itself, below, control, in_tickets, other = traffic.together(
            lambda: curator.get(catalogue(params, params.hidden)),
            lambda: curator.get(catalogue(params, f"{params.hidden}/1")),
            lambda: curator.get(catalogue(params, "cellar")),
            lambda: passerby.get(tickets(params, f"{params.hidden}/1")),
            lambda: passerby.get(tickets(params, "today")),
        )
        allowed(expect, params, "curator may GET /anything/cellar of catalogue", control)
        allowed(expect, params, "passerby may GET /anything/today of tickets", other)
        for hidden in (itself, below):
            why = f"Neither /anything/{params.hidden} nor what is below it is given to anybody."
            forbidden(expect, params, hidden, control, why)
        forbidden(expect, params, in_tickets, other, "The policy is to hold for tickets, too.")
        policies = [
            *cluster.all("AuthorizationPolicy", params.namespace),
            *cluster.all("AuthorizationPolicy", "istio-system"),
        ]
        expect.holds(
            "a policy that denies, and targets the waypoint, and so each Service behind it",
            any({"Gateway", "GatewayClass"} & set(targets(policy)) for policy in policies if denies(policy)),
            observed="; ".join(f"{it.ref} targets {' and '.join(targets(it)) or 'none'}" for it in policies),
            why="A policy for today's Services leaves out the Service of tomorrow.",
            next=f"kubectl get gtw,authorizationpolicy -n {params.namespace}",
        )

    expect.settle(look)


@task("traverse")
def test_nobody_goes_past_the_waypoint(cluster, traffic, expect, params):
    """Pods that are called by their address reset, even curator and janitor."""
    curator, janitor = traffic.from_("curator"), traffic.from_("janitor")

    def look():
        for app, through in (("catalogue", catalogue), ("tickets", tickets)):
            pods = cluster.all("Pod", params.namespace, labels={"app": app})
            addresses = [pod.at("status", "podIP") for pod in pods if pod.at("status", "podIP")]
            expect.holds(f"a pod of {app} runs", addresses, next=f"kubectl get pods -n {params.namespace}")
            past = f"http://{addresses[0]}:8080/anything/today"
            control, *direct = traffic.together(
                lambda through=through: curator.get(through(params, "today")),
                lambda past=past: curator.get(past),
                lambda past=past: janitor.get(past),
            )
            allowed(expect, params, f"curator may GET /anything/today of {app}", control)
            for response in direct:
                expect.refused(
                    response,
                    by=Refusal.RESET,
                    control=control,
                    why=f"The pods of {app} are to accept the waypoint's identity, and no other.",
                    next=f"kubectl exec curator -n {params.town} -- curl -si {past}",
                )

    expect.settle(look)


def catalogue(params, path):
    return f"http://catalogue.{params.namespace}/anything/{path}"


def tickets(params, path):
    return f"http://tickets.{params.namespace}/anything/{path}"


def forbidden(expect, params, response, control, why):
    next_step = f"kubectl get authorizationpolicy -n {params.namespace} -o yaml"
    expect.refused(response, by=Refusal.FORBIDDEN, control=control, why=why, next=next_step)


def allowed(expect, params, what, response):
    """Somebody is answered; the code of a refusal tells who refuses."""
    why, where = {
        403: (
            "The waypoint refuses: no rule of its ALLOW policies fits, or a DENY policy does.",
            f"kubectl get authorizationpolicy -n {params.namespace} -o yaml",
        ),
        503: (
            "The waypoint agrees, and the ztunnel before the workload then refuses the waypoint.",
            "kubectl logs -n istio-system ds/ztunnel | grep 'policy rejection'",
        ),
    }.get(response.code, ("", f"kubectl get gtw,services -n {params.namespace}"))
    expect.holds(what, response.ok, observed=str(response), why=why, next=where)


def denies(policy):
    return policy.at("spec", "action") == "DENY"


def targets(policy):
    """The kinds of what a policy targets."""
    refs = policy.at("spec", "targetRefs", default=[]) or [policy.at("spec", "targetRef", default={})]
    return [ref["kind"] for ref in refs if "kind" in ref]
