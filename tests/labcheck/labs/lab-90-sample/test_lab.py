from labcheck.checks import task

URL = "http://helloworld:5000/hello"


@task("selected")
def test_the_service_has_endpoints(cluster, expect, params):
    """The Service has an endpoint."""

    def look():
        slices = cluster.all(
            "EndpointSlice", params.namespace, labels={"kubernetes.io/service-name": "helloworld"}
        )
        endpoints = [it for found in slices for it in found.at("endpoints", default=[]) or []]
        expect.holds(
            "the Service helloworld has an endpoint",
            endpoints,
            observed="none",
            why="No pod has the labels that the Service selects.",
            next="kubectl get pods --show-labels",
        )

    expect.settle(look)


@task("answers")
def test_the_service_answers(traffic, expect):
    """The Service answers every request."""
    client = traffic.from_("client")
    expect.settle(lambda: expect.answered(client.get(URL)))
    sample = expect.sample(lambda: client.sample(URL, n=20))
    expect.equal("requests that were answered", observed=sample.n - len(sample.refused), expected=20)
