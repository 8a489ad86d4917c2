"""The checks of @ID@."""

from __future__ import annotations

from labcheck.checks import task


# WRITE: a check for each task; how they are written stands in `labcheck.checks`
@task("enrolled")
def test_the_namespace_is_in_the_mesh(cluster, expect, params):
    """The namespace is in the ambient mesh."""
    name = params.namespace

    def look():
        expect.equal(
            f"the label istio.io/dataplane-mode of the namespace {name}",
            observed=cluster.get("Namespace", name).labels.get("istio.io/dataplane-mode"),
            expected="ambient",
            next=f"kubectl get namespace {name} --show-labels",
        )
        pods = cluster.all("Pod", name)
        captured = [it for it in pods if it.annotations.get("ambient.istio.io/redirection") == "enabled"]
        expect.equal("pods that ztunnel has captured", observed=len(captured), expected=len(pods))

    expect.settle(look)
