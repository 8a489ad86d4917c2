"""The checks of @ID@."""

from __future__ import annotations

from labcheck.checks import task

URL = "http://helloworld:5000/hello"


# WRITE: a check for each task; how they are written stands in `labcheck.checks`
@task("answers")
def test_the_service_answers(traffic, expect, params):
    """The Service answers."""
    client = traffic.from_("client")
    next_step = f"kubectl get endpointslices,pods -n {params.namespace} --show-labels"
    expect.settle(lambda: expect.answered(client.get(URL), next=next_step))
