"""The checks of lab 01: the parts of an installation, and a first namespace that shows that they work."""

from __future__ import annotations

import yaml

from labcheck.checks import Refusal, task

SYSTEM = "istio-system"
KINDS = ("gatewayclasses", "gateways", "httproutes")


@task("gateway-api")
def test_the_cluster_knows_waypoints(cluster, expect):
    """Gateway API's kinds are there, and istiod answers for waypoints."""

    def kinds():
        for kind in KINDS:
            definition = cluster.look("CustomResourceDefinition", f"{kind}.gateway.networking.k8s.io")
            expect.holds(
                f"the cluster knows Gateway API's {kind}",
                definition is not None and definition.condition("Established"),
                observed=f"no CustomResourceDefinition {kind}.gateway.networking.k8s.io",
                why="Gateway API is not part of Istio: it is applied on its own, before or after.",
                next="kubectl api-resources --api-group=gateway.networking.k8s.io",
            )

    def accepted():
        waypoints = cluster.look("GatewayClass", "istio-waypoint")
        found = waypoints and waypoints.condition("Accepted")
        expect.holds(
            "the class istio-waypoint is accepted",
            found,
            observed="no such GatewayClass" if waypoints is None else str(found),
            why="istiod makes the class when it runs in ambient mode and the cluster knows Gateway API.",
            next="kubectl get gatewayclass",
        )

    expect.settle(kinds)
    expect.part(1, "the kinds of Gateway API are there")
    expect.settle(accepted)


@task("control-plane")
def test_istiod_runs(cluster, expect):
    """istiod is available in istio-system."""

    def look():
        istiod = cluster.get("Deployment", "istiod", SYSTEM)
        available, ready = istiod.condition("Available"), istiod.at("status", "readyReplicas", default=0)
        expect.holds(
            "a pod of istiod is ready",
            available and ready,
            observed=f"{ready} pods are ready",
            next=f"kubectl get deployment,pods -n {SYSTEM}",
        )
        expect.note(f"{ready} ready")

    expect.settle(look)


@task("node-agents")
def test_both_agents_run_on_every_node(cluster, expect):
    """istio-cni and ztunnel run on every node."""

    def look():
        nodes = len(cluster.all("Node"))
        for name, does in (("istio-cni-node", "captures pods"), ("ztunnel", "carries their traffic")):
            agent = cluster.look("DaemonSet", name, SYSTEM)
            ready = agent.at("status", "numberReady", default=0) if agent else 0
            expect.holds(
                f"{name} is ready on every node",
                agent is not None and ready >= nodes,
                observed=f"{ready} of {nodes} nodes" if agent else f"no DaemonSet {name} in {SYSTEM}",
                why=f"It {does}; without it nothing on its node is in the mesh."
                + ("" if agent else " Not every profile of an installation has it."),
                next=f"kubectl get daemonset -n {SYSTEM}",
            )
        expect.note(f"{nodes} nodes" if nodes > 1 else "one node")

    expect.settle(look)


@task("access-log")
def test_the_mesh_is_configured_to_write_access_logs(cluster, expect):
    """The mesh's configuration writes access logs to /dev/stdout."""

    def look():
        mesh = yaml.safe_load(cluster.get("ConfigMap", "istio", SYSTEM).at("data", "mesh", default="")) or {}
        expect.equal(
            "accessLogFile in the mesh's configuration",
            observed=mesh.get("accessLogFile"),
            expected="/dev/stdout",
            why="Every installation writes the configuration anew: a setting that is left out is gone.",
            next=f"kubectl get configmap istio -n {SYSTEM} -o yaml",
        )
        expect.holds(
            "the rest of the configuration is what the profile brings",
            mesh.get("rootNamespace") == SYSTEM and "defaultConfig" in mesh,
            observed=f"fields: {', '.join(mesh)}",
            next=f"kubectl get configmap istio -n {SYSTEM} -o yaml",
        )

    expect.settle(look)


@task("enrolled")
def test_the_namespace_and_its_pods_are_in_the_mesh(cluster, expect, params):
    """The namespace asks for the mesh, and its pods are captured."""
    name = params.namespace

    def look():
        expect.equal(
            f"the label istio.io/dataplane-mode of the namespace {name}",
            observed=cluster.get("Namespace", name).labels.get("istio.io/dataplane-mode"),
            expected="ambient",
            why="An installation captures nobody by itself.",
            next=f"kubectl get namespace {name} --show-labels",
        )
        pods = [pod for pod in cluster.all("Pod", name) if pod.labels.get("app") in {"client", "helloworld"}]
        captured = [pod for pod in pods if pod.annotations.get("ambient.istio.io/redirection") == "enabled"]
        expect.holds(
            "client and helloworld are captured by ztunnel",
            len(pods) >= 2 and len(captured) == len(pods),
            observed=f"{len(captured)} of {len(pods)} pods carry ambient.istio.io/redirection: enabled",
            next=f"kubectl describe pods -n {name}",
        )

    expect.settle(look)


@task("strict")
def test_only_mutual_tls_is_accepted(cluster, traffic, expect, params):
    """A caller from the mesh is answered, one from outside is reset."""
    url = f"http://helloworld.{params.namespace}:5000/hello"
    client, outsider = traffic.from_("client"), traffic.from_("outsider")

    def look():
        policies = [
            it for place in (params.namespace, SYSTEM) for it in cluster.all("PeerAuthentication", place)
        ]
        expect.holds(
            "a PeerAuthentication demands mutual TLS",
            any(policy.at("spec", "mtls", "mode") == "STRICT" for policy in policies),
            observed=", ".join(f"{it.ref}: {it.at('spec', 'mtls', 'mode')}" for it in policies)
            or f"none in {params.namespace}, none in {SYSTEM}",
            why="It holds for its own namespace; only in the root namespace for the whole mesh.",
            next="kubectl get peerauthentication -A",
        )
        expect.refused(
            outsider.get(url),
            by=Refusal.RESET,
            control=client.get(url),
            why=f"Either nobody demands mutual TLS, or {params.outside} was brought into the mesh, too.",
            next="kubectl get peerauthentication,namespaces -A --show-labels",
        )

    expect.settle(look)
