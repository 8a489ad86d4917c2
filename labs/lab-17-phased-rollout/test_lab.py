"""The checks of lab 17: the estimate, and the end of each phase.

What a phase has reached must still hold at the end, so that every phase can be graded at any later time.
"""

from __future__ import annotations

import re

from labcheck.checks import Refusal, task

ANNOTATION = "ambient.istio.io/redirection"
LABELS = ("istio.io/dataplane-mode", "istio.io/use-waypoint")
REPLICAS = 2


@task("estimate")
def test_the_estimate_is_right(cluster, expect, params):
    """The estimate says what each mode would need, and the difference."""
    sidecars = params.pods * params.sidecar
    ambient = params.nodes * params.ztunnel + params.needing * REPLICAS * params.proxy

    def says(key, expected, why):
        def look():
            found = cluster.get("ConfigMap", "rollout-estimate", params.team).at("data", key, default="")
            number = re.fullmatch(r"\s*(\d+)\s*(?:MiB?)?\s*", found)
            expect.holds(
                f"the right number of MiB under {key}",
                number and int(number[1]) == expected,
                observed=found or "nothing",
                why=why,
                next=f"kubectl get configmap rollout-estimate -n {params.team} -o yaml",
            )

        expect.settle(look)

    says("sidecar-mib", sidecars, "Each pod has a sidecar.")
    expect.part(1, "the estimate for sidecars")
    says(
        "ambient-mib",
        ambient,
        "Each node has a ztunnel; each waypoint has two pods. Nothing is for each pod.",
    )
    expect.part(1, "the estimate for an ambient mesh")
    says("saved-mib", sidecars - ambient, "It is the difference of the two.")


@task("pilot")
def test_the_pilot_is_in_the_mesh(cluster, traffic, expect, params):
    """The pilot's namespace asks for the mesh, its pods are in it, and answer."""
    url = f"http://helloworld.{params.pilot}/"

    def look():
        enrolled(cluster, expect, params.pilot)
        expect.answered(traffic.from_("prober").get(url), next=asked_by("prober", params.team, url))

    expect.settle(look)


@task("secured")
def test_the_pilot_demands_mutual_tls(cluster, traffic, expect, params):
    """A caller of the mesh reaches the pilot, a plain one is reset."""
    url = f"http://helloworld.{params.pilot}/"

    def look():
        policies = cluster.all("PeerAuthentication", "istio-system")
        everywhere = [it.ref for it in policies if it.at("spec", "mtls", "mode") == "STRICT"]
        expect.holds(
            "mutual TLS is not demanded in the whole mesh",
            not everywhere,
            observed=", ".join(everywhere),
            why="What stands in istio-system is for all namespaces, and not all callers have moved.",
            next="kubectl get peerauthentication -A",
        )
        meshed, plain = both(traffic, url)
        expect.refused(
            plain,
            by=Refusal.RESET,
            control=meshed,
            why="Captured pods still answer plain callers, until a PeerAuthentication demands mutual TLS.",
            next="kubectl get peerauthentication -A",
        )

    expect.settle(look)


@task("waypoint")
def test_the_shop_alone_has_a_waypoint(cluster, traffic, expect, params):
    """The shop's policy holds at its waypoint; no other phase brought one."""
    prober, url = traffic.from_("prober"), f"http://orders.{params.shop}/"

    def look():
        enrolled(cluster, expect, params.shop)
        read, deleted = traffic.together(lambda: prober.get(url), lambda: prober.get(url, method="DELETE"))
        expect.refused(
            deleted,
            by=Refusal.FORBIDDEN,
            control=read,
            why="Only a waypoint sees methods. Without one the policy is there and nobody enforces it.",
            next=f"kubectl get authorizationpolicy,gtw,services -n {params.shop} -o yaml",
        )
        for name, place in (("helloworld", params.pilot), ("ledger", params.books)):
            bound = cluster.get("Service", name, place).condition("istio.io/WaypointBound")
            expect.holds(
                f"{name} in {place} uses no waypoint",
                not bound.present,
                observed=bound.message,
                why="Nothing there needs layer 7, and a waypoint costs memory and a way round.",
                next=f"kubectl get namespace,service,gtw -n {place} --show-labels",
            )

    expect.settle(look)


@task("expanded")
def test_the_books_are_in_the_mesh(cluster, traffic, expect, params):
    """The next namespace is in the mesh; callers of both sorts are answered."""
    url = f"http://ledger.{params.books}/"

    def look():
        enrolled(cluster, expect, params.books)
        meshed, plain = both(traffic, url)
        expect.answered(
            meshed,
            why="Callers of the mesh arrive at port 15008, whatever port they called.",
            next=f"kubectl get networkpolicy -n {params.books} -o yaml",
        )
        expect.answered(
            plain,
            why="The callers of this namespace have not moved yet: nobody may demand mutual TLS of them.",
            next="kubectl get peerauthentication -A",
        )
        # The application listens there as well, and only packets that are dropped keep callers away from it.
        pod = cluster.find(
            "Pod", lambda it: it.labels.get("app") == "ledger", params.books, wanted="the pod of ledger"
        )
        expect.refused(
            traffic.from_("plain").get(f"http://{pod.at('status', 'podIP')}:3001/", timeout=2),
            by=Refusal.TIMEOUT,
            control=plain,
            why="The NetworkPolicy admits a port that nobody asked for.",
            next=f"kubectl get networkpolicy -n {params.books} -o yaml",
        )

    expect.settle(look)


@task("rollback")
def test_nothing_of_the_mesh_is_left(cluster, traffic, expect, params):
    """The trial has left the mesh, and answers everybody without a way round."""
    place, url = params.trial, f"http://catalogue.{params.trial}/"

    def look():
        labels = cluster.get("Namespace", place).labels
        left = [f"label {it}: {labels[it]}" for it in LABELS if labels.get(it, "none") != "none"]
        for kind in ("Gateway.gateway.networking.k8s.io", "PeerAuthentication"):
            left += [it.ref for it in cluster.all(kind, place)]
        left += [f"{it.ref} is captured" for it in cluster.all("Pod", place) if ANNOTATION in it.annotations]
        expect.holds(
            f"nothing in {place} belongs to the mesh",
            not left,
            observed="; ".join(left),
            why="What is left over comes to life again when the namespace is enrolled the next time.",
            next=f"kubectl get namespaces,gtw,peerauthentication -n {place} --show-labels",
        )
        for response, (name, home) in zip(
            both(traffic, url), (("prober", params.team), ("plain", params.outside)), strict=True
        ):
            expect.answered(response, next=asked_by(name, home, url))
            expect.holds(
                f"the answer to {name} came past all waypoints",
                not response.through_waypoint,
                observed="server: istio-envoy",
                next=f"kubectl get service catalogue -n {place} -o yaml",
            )

    expect.settle(look)


def enrolled(cluster, expect, name):
    """The namespace asks for the mesh, and its application is captured."""
    expect.equal(
        f"the label istio.io/dataplane-mode of the namespace {name}",
        observed=cluster.get("Namespace", name).labels.get("istio.io/dataplane-mode"),
        expected="ambient",
        why="Only the Namespace's label also holds for the pods that are still to come.",
        next=f"kubectl get namespace {name} --show-labels",
    )
    pods = [pod for pod in cluster.all("Pod", name) if "app" in pod.labels]
    captured = [pod for pod in pods if pod.annotations.get(ANNOTATION) == "enabled"]
    expect.holds(
        f"the application of {name} is captured by ztunnel",
        pods and len(captured) == len(pods),
        observed=f"{len(captured)} of {len(pods)} pods carry {ANNOTATION}: enabled",
        next=f"kubectl describe pods -n {name}",
    )


def both(traffic, url):
    """What a caller of the mesh and a plain one get."""
    return traffic.together(lambda: traffic.from_("prober").get(url), lambda: traffic.from_("plain").get(url))


def asked_by(name, namespace, url):
    return f"kubectl exec {name} -n {namespace} -- curl -si {url}"
