"""What a check does not find is named, with a command that a learner can type."""

from __future__ import annotations

import pytest

from labcheck.checks.cluster import ClusterView
from labcheck.checks.verdict import Failed
from labcheck.kube import Kind, kinds

GATEWAYS = [
    Kind(group, "v1", "Gateway", "gateways", "gateway", short, True)
    for group, short in (("gateway.networking.k8s.io", ("gtw",)), ("networking.istio.io", ("gw",)))
]
ROUTES = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", "httproute", (), True)


class Empty:
    """A cluster that serves three kinds and has no object of any."""

    def kind(self, name: str) -> Kind:
        return kinds.find([*GATEWAYS, ROUTES], name)

    def get(self, kind: Kind, name: str, namespace: str) -> None:
        return None

    def all(self, kind: Kind, namespace: str, labels: dict[str, str]) -> list[dict[str, object]]:
        return []


@pytest.mark.parametrize(
    ("asked", "typed"),
    [
        pytest.param("HTTPRoute", "kubectl get httproutes -n shop", id="one group has the kind"),
        pytest.param(
            "gtw", "kubectl get gateways.gateway.networking.k8s.io -n shop", id="two groups have it"
        ),
    ],
)
def test_the_next_command_means_the_kind_that_was_looked_for(asked: str, typed: str) -> None:
    with pytest.raises(Failed) as failure:
        ClusterView(Empty()).get(asked, "web", "shop")  # type: ignore[arg-type]
    assert failure.value.evidence.next == typed
