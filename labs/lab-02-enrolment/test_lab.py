"""The checks of lab 02: who is captured by ztunnel, as annotations say it and as STRICT shows it.

Every namespace of the lab but one asks for mutual TLS. That binds captured pods only, so a caller from
outside tells them apart: ztunnel resets its connection, and a pod without ztunnel answers. A caller from the
mesh is the control: it is answered by both.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task

LABEL = "istio.io/dataplane-mode"
ANNOTATION = "ambient.istio.io/redirection"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


@task("enrolled")
def test_the_namespace_and_its_pods_are_in_the_mesh(cluster, expect, params):
    """The namespace is in the ambient mesh, and its pods are."""
    name = params.shop

    def look():
        expect.equal(
            f"the label {LABEL} of the namespace {name}",
            observed=cluster.get("Namespace", name).labels.get(LABEL),
            expected="ambient",
            why="Only this label, on the Namespace, also holds for the pods that are still to come.",
            next=f"kubectl get namespace {name} --show-labels",
        )
        pods = [pod for pod in cluster.all("Pod", name) if pod.labels.get("app") in {"client", "helloworld"}]
        captured = [pod for pod in pods if is_captured(pod)]
        expect.holds(
            "client and helloworld are captured by ztunnel",
            len(pods) >= 2 and len(captured) == len(pods),
            observed=f"{len(captured)} of {len(pods)} pods carry {ANNOTATION}: enabled",
            why="A pod opts out when it carries the label itself, with another value.",
            next=f"kubectl describe pods -n {name}",
        )
        expect.note(f"{len(captured)} pods captured")

    expect.settle(look)


@task("strict")
def test_only_the_mesh_reaches_helloworld(cluster, traffic, expect, params):
    """A caller from the mesh reaches helloworld, one from outside is reset."""

    def look():
        strict(cluster, expect, params.shop)
        url = f"http://helloworld.{params.shop}:5000/hello"
        answered_in_the_mesh_only(traffic, expect, params, url)

    expect.settle(look)


@task("exception")
def test_legacy_is_not_in_the_mesh(cluster, traffic, expect, params):
    """The pod legacy is there, outside the mesh, and answers everybody."""

    def look():
        outside(cluster, expect, params.shop, "legacy")
        answered_to_everybody(traffic, expect, params, f"http://legacy.{params.shop}:5000/hello")

    expect.settle(look)


@task("single")
def test_one_pod_of_two_is_in_the_mesh(cluster, traffic, expect, params):
    """The pod courier is in the mesh and shows it, the pod porter is not."""
    namespace = params.depot

    def look():
        courier = cluster.get("Pod", "courier", namespace)
        expect.equal(
            f"the annotation {ANNOTATION} of {courier.ref}",
            observed=courier.annotations.get(ANNOTATION),
            expected="enabled",
            why=f"Neither the pod nor its namespace carries the label {LABEL}: ambient.",
            next=f"kubectl get pod courier -n {namespace} --show-labels",
        )
        outside(cluster, expect, namespace, "porter")
        strict(cluster, expect, namespace)
        answered_in_the_mesh_only(traffic, expect, params, f"http://courier.{namespace}:5000/hello")
        answered_to_everybody(traffic, expect, params, f"http://porter.{namespace}:5000/hello")

    expect.settle(look)


@task("rollback")
def test_the_namespace_has_left_the_mesh(cluster, traffic, expect, params):
    """The namespace has left the mesh, and so have its pods, unrestarted."""
    name = params.attic

    def look():
        label = cluster.get("Namespace", name).labels.get(LABEL)
        expect.holds(
            f"the namespace {name} does not ask for the mesh",
            label != "ambient",
            observed=f"{LABEL}: {label}",
            why="As long as it does, the next pod that starts is captured.",
            next=f"kubectl get namespace {name} --show-labels",
        )
        annotations = ("spec", "template", "metadata", "annotations")
        restarted = cluster.get("Deployment", "helloworld", name).at(*annotations, default={}).get(RESTARTED)
        expect.holds(
            "helloworld was not restarted",
            restarted is None,
            observed=f"{RESTARTED}: {restarted}",
            why="ztunnel lets go of a pod while it runs. labcheck reset lab-02 brings back the beginning.",
            next=f"kubectl rollout history deployment helloworld -n {name}",
        )
        pods = cluster.all("Pod", name, labels={"app": "helloworld"})
        captured = [pod.name for pod in pods if is_captured(pod)]
        expect.holds(
            "a pod helloworld runs, and none is captured",
            pods and not captured,
            observed=f"{len(pods)} pods, captured: {', '.join(captured) or 'none'}",
            why=f"A pod that carries the label {LABEL}: ambient itself stays in the mesh.",
            next=f"kubectl get pods -n {name} --show-labels",
        )
        response = traffic.from_("outsider").get(f"http://helloworld.{name}:5000/hello")
        expect.answered(response, next=f"kubectl get peerauthentication,pods -n {name} -o yaml")

    expect.settle(look)


def is_captured(pod):
    return pod.annotations.get(ANNOTATION) == "enabled"


def outside(cluster, expect, namespace, name):
    """The pod is not captured."""
    pod = cluster.get("Pod", name, namespace)
    expect.holds(
        f"{pod.ref} is not captured by ztunnel",
        ANNOTATION not in pod.annotations,
        observed=f"{ANNOTATION}: {pod.annotations.get(ANNOTATION)}",
        why=f"Its namespace or the pod itself asks for it; a pod's label {LABEL}: none wins.",
        next=f"kubectl get pod {name} -n {namespace} --show-labels",
    )


def strict(cluster, expect, namespace):
    """The question is still the one that was asked: a PeerAuthentication demands mutual TLS."""
    policies = cluster.all("PeerAuthentication", namespace)
    modes = {policy.name: policy.at("spec", "mtls", "mode") for policy in policies}
    expect.equal(
        f"the PeerAuthentications of {namespace}",
        observed=modes,
        expected={"mutual-tls": "STRICT"},
        why="It came with the lab and is to stay as it is.",
        next=f"kubectl get peerauthentication -n {namespace}",
    )


def answered_in_the_mesh_only(traffic, expect, params, url):
    client, outsider = traffic.from_("client"), traffic.from_("outsider")
    expect.refused(
        outsider.get(url),
        by=Refusal.RESET,
        control=client.get(url),
        why=f"The pod is not captured, or the namespace {params.outside} was brought into the mesh as well.",
        next=f"kubectl exec outsider -n {params.outside} -- curl -s {url}",
    )


def answered_to_everybody(traffic, expect, params, url):
    for name, namespace in (("client", params.shop), ("outsider", params.outside)):
        next_step = f"kubectl exec {name} -n {namespace} -- curl -s {url}"
        expect.answered(traffic.from_(name).get(url), next=next_step)
