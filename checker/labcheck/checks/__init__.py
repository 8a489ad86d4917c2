"""How a lab's checks are written.

`test_lab.py` holds one function for each task of `lab.yaml`. It reads like the claim that it proves:

    from labcheck.checks import Refusal, task

    @task("enrolled")
    def test_the_namespace_is_in_the_mesh(cluster, expect, params):
        \"\"\"The namespace is in the ambient mesh, and its pods are.\"\"\"

        def look():
            namespace = cluster.get("Namespace", params["namespace"])
            expect.equal(
                "the label istio.io/dataplane-mode of the namespace",
                observed=namespace.labels.get("istio.io/dataplane-mode"),
                expected="ambient",
                next=f"kubectl get namespace {params['namespace']} --show-labels",
            )
            for pod in cluster.all("Pod", params["namespace"], labels={"app": "helloworld"}):
                redirected = pod.annotations.get("ambient.istio.io/redirection")
                expect.equal(f"{pod.ref} is captured", observed=redirected, expected="enabled")

        expect.settle(look)

    @task("split")
    def test_v2_receives_its_share(cluster, traffic, expect, params):
        \"\"\"v2 receives its share of the requests.\"\"\"
        route = cluster.find("HTTPRoute", lambda it: it.at("spec", "rules"), params["namespace"],
                             wanted="an HTTPRoute with a rule")
        expect.equal("the weights", observed=..., expected=..., why="…")
        expect.share(
            "requests answered by v2",
            lambda n: traffic.from_("client").sample("http://helloworld:5000/hello", n),
            where=lambda reply: "version: v2" in reply.body,
            share=params["share"] / 100,
        )

The docstring's first line is the sentence the learner reads beside the verdict (at most 72 characters; no
params are filled in, so name things without them). Rules:

* A check fails by a claim of `expect`, or by `cluster.get/find` not finding; a bare `assert` fails too, with
  poorer evidence. **Any other exception makes the task ungradable**, with the check's file and line: so do a
  missing probe pod, an API that does not answer, and our own time limits.
* A check whose task `needs` others runs only when those passed; else the task is blocked.
* Whatever may need a moment goes, with its reads, inside `expect.settle`. Samples and shares never do.

The fixtures:

`params`    the variant's params: `params["share"]`, or `params.share`.

`cluster`   (`ClusterView`) reads; kinds by any name kubectl knows, with the group when several groups have
the kind: "Gateway.gateway.networking.k8s.io", "gtw", "HTTPRoute", "deploy".
    get(kind, name, namespace="") -> Resource                     fails naming those that do exist
    look(kind, name, namespace="") -> Resource | None
    all(kind, namespace="", labels={}) -> list[Resource]
    find(kind, where, namespace="", *, wanted="…") -> Resource    the first that where(resource) holds for
    log(pod, namespace, container=None, tail=500) -> str          the last lines that a pod wrote
    Resource is a dict with .name .namespace .kind .ref .labels .annotations,
        .at("spec", "listeners", 0, "port", default=None), .condition("Programmed") -> Condition,
        .condition("Accepted", parent="helloworld") of a route: that parent's
    Condition is true when its status is "True", and false also when it is absent; it is never None.
        .present .status .reason .message

`traffic`   (`Traffic`) sends from the pods under `probes` in lab.yaml.
    together(lambda: client.get(a), lambda: outsider.get(b)) -> [Response, Response]       at the same time
    from_("client").get(url, method="GET", headers={}, body=None, at="", timeout=5) -> Response
    from_("client").sample(url, n, method="GET", headers={}, timeout=10) -> Sample
    Response has .ok .code .headers (lower-case names) .body .exit_code .refusal .meaning .through_waypoint
    Refusal: RESET (ztunnel) · FORBIDDEN (403, a waypoint) · UNAUTHORIZED · UNAVAILABLE (503) · TIMEOUT ·
        REFUSED · DNS · TLS · OTHER
    Sample has .n .responses .refused .command .count(matches) .tally(key)

`expect`    (`Expect`) claims; each takes why="" (why this goes wrong) and next="" (the next command to run).
    settle(look, within=30) -> what look returned     three equal rounds; the last one is reported
    sample(look) -> what look returned                once
    equal(what, observed=…, expected=…) · contains(what, observed=…, item=…)
    holds(expected, condition, observed="…") · fail(expected, observed="…")
    matches(resource, {"spec": {"rules": [{"backendRefs": only({"name": "v1", "weight": 90})}]}})
                                                      the fields that are mentioned; list items by their names
    condition(resource, "Accepted", parent="helloworld")          its status; the parent is for routes
    answered(response, code=200)
    refused(response, by=Refusal.RESET, control=response)         the control must have been answered
    share(what, send, where=…, share=0.1, margin=0.2, missed=4e-4, or_less=False)
                                                      as many requests as it takes; errors in its docstring
    note("bookinfo/waypoint, 3 of 3")                 shown beside the task when it passes
    part(1, "the route is attached")                  points kept for what held so far, if the rest fails
"""

from labcheck.checks.cluster import ClusterView
from labcheck.checks.context import Params
from labcheck.checks.differences import Difference, only
from labcheck.checks.expect import Expect
from labcheck.checks.resource import Condition, Resource
from labcheck.checks.response import Refusal, Response, Sample
from labcheck.checks.tasks import task
from labcheck.checks.traffic import Sender, Traffic
from labcheck.checks.verdict import Evidence, Failed, Outcome, Verdict

__all__ = [
    "ClusterView",
    "Condition",
    "Difference",
    "Evidence",
    "Expect",
    "Failed",
    "Outcome",
    "Params",
    "Refusal",
    "Resource",
    "Response",
    "Sample",
    "Sender",
    "Traffic",
    "Verdict",
    "only",
    "task",
]
