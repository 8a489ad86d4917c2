"""The checks of lab 08: where plaintext is taken, and where ztunnel resets it.

The pod monitor is outside the mesh, so it has no identity to show; operator is in the mesh, and the control.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task

ANNOTATION = "ambient.istio.io/redirection"
POLICIES = "kubectl get peerauthentication -A"


@task("namespace")
def test_the_namespace_demands_mutual_tls(cluster, traffic, expect, params):
    """Mutual TLS is demanded of the whole namespace: plaintext is reset."""

    def look():
        cluster.find(
            "PeerAuthentication",
            lambda policy: (
                not policy.at("spec", "selector") and policy.at("spec", "mtls", "mode") == "STRICT"
            ),
            params.plant,
            wanted="a PeerAuthentication of mode STRICT, without a selector",
        )
        reset_in_plaintext(traffic, expect, params, f"http://valve.{params.plant}/")

    expect.settle(look)


@task("port")
def test_one_port_takes_plaintext(traffic, expect, params):
    """pump takes plaintext at its port for metrics, and at no other."""
    url = f"http://pump.{params.plant}:9090/metrics"

    def look():
        reset_in_plaintext(traffic, expect, params, f"http://pump.{params.plant}/")
        scraped = traffic.from_("monitor").get(url)
        expect.holds(
            "pump takes plaintext at its port for metrics",
            scraped.ok,
            observed=str(scraped),
            why="Port 9090 is the Service's. The port that ztunnel sees is the container's.",
            next=f"kubectl get service pump -n {params.plant} -o yaml",
        )

    expect.settle(look)


@task("exempt")
def test_one_workload_takes_plaintext(cluster, traffic, expect, params):
    """kiosk takes plaintext, and is captured by ztunnel all the same."""
    expect.settle(lambda: open_and_captured(cluster, traffic, expect, params, "kiosk", params.plant))


@task("others")
def test_other_namespaces_are_as_before(cluster, traffic, expect, params):
    """Another namespace still takes plaintext, and is still in the mesh."""
    expect.settle(lambda: open_and_captured(cluster, traffic, expect, params, "gate", params.yard))


@task("healthy")
def test_probes_go_on_working(cluster, expect, params):
    """Every pod of the namespace is ready, with the probes it had."""

    def look():
        for name in ("pump", "valve", "kiosk"):
            deployment = cluster.get("Deployment", name, params.plant)
            container = deployment.at("spec", "template", "spec", "containers", 0, default={})
            probes = {
                field: container.get(field, {}).get("httpGet")
                for field in ("readinessProbe", "livenessProbe")
            }
            expect.equal(
                f"the probes of {deployment.ref}",
                observed={
                    field: f"{probe['path']} at {probe['port']}" for field, probe in probes.items() if probe
                },
                expected={"readinessProbe": "/ready at 8080", "livenessProbe": "/alive at 8080"},
                why="Probes come from the node, and ztunnel lets them pass whatever it demands of others.",
                next=f"kubectl get deployment {name} -n {params.plant} -o yaml",
            )
            expect.equal(
                f"ready pods of {deployment.ref}",
                observed=deployment.at("status", "readyReplicas", default=0),
                expected=1,
                next=f"kubectl describe pods -n {params.plant} -l app={name}",
            )

    expect.settle(look)


def reset_in_plaintext(traffic, expect, params, url):
    plain, mutual = traffic.together(
        lambda: traffic.from_("monitor").get(url), lambda: traffic.from_("operator").get(url)
    )
    expect.refused(
        plain,
        by=Refusal.RESET,
        control=mutual,
        why="Nobody demands mutual TLS here; or it was demanded by a policy that is not the oldest of its "
        f"level; or {params.outside} was brought into the mesh.",
        next=f"kubectl get peerauthentication -n {params.plant} --sort-by=.metadata.creationTimestamp",
    )


def open_and_captured(cluster, traffic, expect, params, app, namespace):
    url = f"http://{app}.{namespace}"
    mutual, *plain = traffic.together(
        lambda: traffic.from_("operator").get(f"{url}/"),
        lambda: traffic.from_("monitor").get(f"{url}/"),
        lambda: traffic.from_("monitor").get(f"{url}:9090/metrics"),
    )
    expect.holds(f"operator is answered at {url}/", mutual.ok, observed=str(mutual), next=POLICIES)
    for port, answer in zip((80, 9090), plain, strict=True):
        expect.holds(
            f"{app} takes plaintext at port {port} of its Service",
            answer.ok,
            observed=str(answer),
            why=f"A policy still demands mutual TLS of {app} there.",
            next=POLICIES,
        )
    pods = cluster.all("Pod", namespace, labels={"app": app})
    expect.equal(
        f"the annotation {ANNOTATION} of the pods of {app}",
        observed=sorted({pod.annotations.get(ANNOTATION, "none") for pod in pods}),
        expected=["enabled"],
        why="What is to stay in the mesh must not opt out of it.",
        next=f"kubectl get pods -n {namespace} --show-labels",
    )
