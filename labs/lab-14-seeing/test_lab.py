"""The checks of lab 14: a waypoint that logs, and findings that only its log, ztunnel's and metrics give.

What a right finding is, no message tells: it is for the learner to find.
"""

from __future__ import annotations

import secrets

from labcheck.checks import task


@task("access-log")
def test_the_waypoint_alone_writes_an_access_log(cluster, traffic, expect, params):
    """The waypoint logs each request, and the mesh as a whole logs none."""
    path = f"/looked-for/{secrets.token_hex(4)}"
    show = f"kubectl get telemetry -A -o yaml; kubectl logs deploy/waypoint -n {params.shop} --tail=5"

    def look():
        settings = cluster.get("ConfigMap", "istio", "istio-system").at("data", "mesh", default="")
        expect.holds(
            "the mesh's configuration names no access log",
            "accessLogFile" not in settings,
            observed="it has accessLogFile",
            why="What stands there is for every proxy of the mesh.",
            next="kubectl get configmap istio -n istio-system -o yaml",
        )
        everywhere = [telemetry.ref for telemetry in cluster.all("Telemetry", "istio-system")]
        expect.holds(
            "no Telemetry is for the whole mesh",
            not everywhere,
            observed=", ".join(everywhere),
            why="In istio-system, the root namespace, a Telemetry is for every proxy of the mesh.",
            next="kubectl get telemetry -A",
        )
        expect.answered(traffic.from_("looker").get(f"http://till{path}"), next=show)
        pods = cluster.all("Pod", params.shop, labels={"gateway.networking.k8s.io/gateway-name": "waypoint"})
        expect.holds(
            "a request just sent to till stands in the waypoint's log",
            any(path in cluster.log(pod.name, params.shop) for pod in pods),
            observed=f"no line with {path}",
            why="No Telemetry with a provider for access logs targets this waypoint.",
            next=show,
        )

    expect.settle(look)


@task("forbidden")
def test_the_waypoints_refusal_is_found(cluster, expect, params):
    """Found: who the waypoint refuses, for which path, by which policy."""
    where = f"kubectl logs deploy/waypoint -n {params.shop} --tail=20"
    found(
        cluster, expect, params, "forbidden", params.forbidden, "the caller to whom till answers 403", where
    )
    found(cluster, expect, params, "forbidden-path", f"/{params.path}", "the path it asked for", where)
    expect.part(2, "who is refused, and for which path")
    found(cluster, expect, params, "forbidden-by", params.rule, "the policy that matched", where)


@task("blocked")
def test_ztunnels_refusal_is_found(cluster, expect, params):
    """Found: whom a policy at ztunnel refuses, and which policy."""
    where = "kubectl logs -n istio-system ds/ztunnel --tail=20"
    found(
        cluster, expect, params, "blocked", params.blocked, "the caller whom a policy keeps from vault", where
    )
    expect.part(2, "who is refused")
    found(cluster, expect, params, "blocked-by", params.ban, "the policy that refuses it", where)


@task("stranger")
def test_the_stranger_is_found(cluster, expect, params):
    """Found: whom ztunnel refuses because it shows no identity."""
    where = "kubectl logs -n istio-system ds/ztunnel --tail=20"
    found(
        cluster, expect, params, "stranger", params.stranger, "the caller of vault without an identity", where
    )


@task("busiest")
def test_the_busiest_caller_is_found(cluster, expect, params):
    """Found: who sends till the most requests."""
    where = f"kubectl exec looker -n {params.shop} -- curl -s http://WAYPOINT_POD_IP:15020/stats/prometheus"
    found(cluster, expect, params, "busiest", params.busy, "the caller with the most requests to till", where)


def found(cluster, expect, params, key, right, what, where):
    """The ConfigMap says so under this key, with or without a namespace, or a slash, before the name."""
    findings = cluster.get("ConfigMap", "findings", params.shop)
    said = (findings.at("data", key) or "").strip()
    expect.holds(
        f"{key} in the ConfigMap findings is {what}",
        said.rpartition("/")[2] == right.removeprefix("/"),
        observed=f"{key}: {said}" if said else f"{key} is empty",
        why="What manifests and policies say is a guess. What was written down when it happened is a fact.",
        next=where,
    )
