from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketmesh.istioctl.analysis.command import analyzed
from pocketmesh.istioctl.analysis.world import of_file, world
from pocketmesh.istioctl.exits import UNREADABLE
from pocketmesh.remote.errors import Failed

GROUPS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "VirtualService": "networking.istio.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
}
TLS_ROUTES = "tlsroutes.gateway.networking.k8s.io"
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
IN_MESH = {"annotations": {"ambient.istio.io/redirection": "enabled"}}


def thing(
    kind: str, spec: Any = None, status: Any = None, name: str = "it", **metadata: Any
) -> dict[str, Any]:
    place = {} if kind in {"Namespace", "CustomResourceDefinition"} else {"namespace": "shop"}
    found = {
        "apiVersion": GROUPS.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": name, **place, **metadata},
        "spec": spec or {},
    }
    return {**found, "status": status} if status else found


SHOP = [
    thing("Namespace", name="shop", labels=AMBIENT),
    thing("Pod", name="client", labels={"app": "client"}, **IN_MESH),
    thing("Pod", name="web-1", labels={"app": "web", "version": "v1"}, **IN_MESH),
    thing("Pod", name="waypoint-1", labels={"gateway.networking.k8s.io/gateway-name": "waypoint"}),
    thing("Service", {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}, name="web"),
]


def found(*objects: dict[str, Any]) -> list[str]:
    looked_at = world([*SHOP, *objects])
    return [it.line(looked_at) for it in analyzed(looked_at)]


def negative(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def test_a_sound_shop_has_no_findings() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("objects", "line"),
    [
        pytest.param(
            thing(
                "Service",
                {"ports": [{"name": "http", "port": 80}]},
                {
                    "conditions": [
                        negative(
                            "istio.io/WaypointBound", "WaypointIsNotReady", 'waypoint "a/b" is not ready'
                        )
                    ]
                },
            ),
            "Warning [IST0171] (Service shop/it) A condition with a negative status is present: "
            'type=istio.io/WaypointBound, reason=WaypointIsNotReady, message=waypoint "a/b" is not ready.',
            id="a waypoint that does not exist",
        ),
        pytest.param(
            thing(
                "HTTPRoute",
                {},
                {
                    "parents": [
                        {"conditions": [negative("ResolvedRefs", "BackendNotFound", "backend(x) not found")]}
                    ]
                },
            ),
            "Warning [IST0171] (HTTPRoute shop/it) A condition with a negative status is present: "
            "type=ResolvedRefs, reason=BackendNotFound, message=backend(x) not found.",
            id="a backend that does not exist",
        ),
        pytest.param(
            thing(
                "CustomResourceDefinition",
                name=TLS_ROUTES,
                annotations={"gateway.networking.k8s.io/bundle-version": "v1.2.0"},
            ),
            f'Warning [IST0176] (CustomResourceDefinition {TLS_ROUTES}) Gateway API CRD "{TLS_ROUTES}" '
            'is at version "1.2.0" but Istio requires at least "1.5.0"; '
            "resources of this kind will not be processed. "
            "Upgrade the Gateway API CRDs to satisfy the minimum version.",
            id="a definition that is too old",
        ),
        pytest.param(
            thing("Namespace", name="plain"),
            "Info [IST0102] (Namespace plain) The namespace is not enabled for Istio injection. "
            "Run 'kubectl label namespace plain istio-injection=enabled' to enable it, or 'kubectl label "
            "namespace plain istio-injection=disabled' to explicitly mark it as not needing injection.",
            id="a namespace outside the mesh",
        ),
        pytest.param(
            thing("Namespace", name="both", labels={**AMBIENT, "istio-injection": "enabled"}),
            "Warning [IST0123] (Namespace both) The namespace has both new and legacy injection labels. "
            "Run 'kubectl label namespace both istio.io/rev-' "
            "or 'kubectl label namespace both istio-injection-'",
            id="a namespace in the mesh twice",
        ),
        pytest.param(
            thing("AuthorizationPolicy", {"selector": {"matchLabels": {"app": "wbe", "a": "b"}}}),
            "Warning [IST0127] (AuthorizationPolicy shop/it) "
            "No matching workloads for this resource with the following labels: a=b,app=wbe",
            id="a policy that selects nothing",
        ),
        pytest.param(
            thing(
                "AuthorizationPolicy",
                {"rules": [{"from": [{"source": {"namespaces": ["shop", "no", "sh*"]}}]}]},
            ),
            'Error [IST0101] (AuthorizationPolicy shop/it) Referenced namespace not found: "no"',
            id="a namespace that does not exist",
        ),
        pytest.param(
            thing("VirtualService", {"gateways": ["mesh", "nowhere"]}),
            'Error [IST0101] (VirtualService shop/it) Referenced gateway not found: "nowhere"',
            id="a gateway that does not exist",
        ),
        pytest.param(
            thing("VirtualService", {"http": [{"route": [{"destination": {"host": "wbe"}}]}]}),
            'Error [IST0101] (VirtualService shop/it) Referenced host not found: "wbe"',
            id="a host that does not exist",
        ),
        pytest.param(
            thing(
                "VirtualService", {"http": [{"route": [{"destination": {"host": "web", "subset": "v2"}}]}]}
            ),
            "Error [IST0101] (VirtualService shop/it) "
            'Referenced host+subset in destinationrule not found: "web+v2"',
            id="a subset that does not exist",
        ),
        pytest.param(
            thing("DestinationRule", {"host": "reveiws"}),
            "Warning [IST0174] (DestinationRule shop/it) "
            "The host reveiws defined in the DestinationRule does not match any services in the mesh.",
            id="a rule for no service",
        ),
        pytest.param(
            thing(
                "DestinationRule",
                {
                    "host": "web.shop.svc.cluster.local",
                    "subsets": [{"name": "v4", "labels": {"version": "v4"}}],
                },
            ),
            "Error [IST0173] (DestinationRule shop/it) The Subset v4 defined in the DestinationRule does not "
            "select any pods. Which may lead to 503 UH (NoHealthyUpstream).",
            id="a subset without pods",
        ),
        pytest.param(
            thing("Service", {"ports": [{"name": "web", "port": 80, "targetPort": 8080}]}),
            "Info [IST0118] (Service shop/it) Port name web (port: 80, targetPort: 8080) "
            "doesn't follow the naming convention of Istio port.",
            id="a port without a protocol",
        ),
        pytest.param(
            thing(
                "ServiceEntry", {"hosts": ["db.example.com"], "ports": [{"number": 5432, "protocol": "TCP"}]}
            ),
            "Warning [IST0134] (ServiceEntry shop/it) ServiceEntry addresses are required for this protocol.",
            id="a service without an address",
        ),
    ],
)
def test_a_mistake_is_found_and_no_other(objects: dict[str, Any], line: str) -> None:
    assert found(objects) == [line]


def test_a_selector_that_hits_a_waypoint_has_no_effect() -> None:
    labels = {"gateway.networking.k8s.io/gateway-name": "waypoint"}
    lines = found(thing("AuthorizationPolicy", {"selector": {"matchLabels": labels}}))
    assert (
        "Warning [IST0166] (AuthorizationPolicy shop/it) "
        "Ineffective selector on Kubernetes Gateway waypoint. Use the TargetRef field instead."
    ) in lines


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(
            thing("AuthorizationPolicy", {"targetRefs": [{"kind": "Service", "name": "x"}]}), id="target"
        ),
        pytest.param(thing("AuthorizationPolicy", {}), id="whole namespace"),
        pytest.param(thing("Service", {"ports": [{"port": 53, "protocol": "UDP"}]}), id="UDP"),
        pytest.param(thing("Service", {"ports": [{"port": 80, "appProtocol": "http"}]}), id="appProtocol"),
        pytest.param(
            thing(
                "ServiceEntry", {"ports": [{"protocol": "TCP"}]}, {"addresses": [{"value": "240.240.0.1"}]}
            ),
            id="address from istiod",
        ),
    ],
)
def test_what_is_right_is_not_found(sound: dict[str, Any]) -> None:
    assert found(sound) == []


def test_findings_are_the_worst_first_and_those_of_one_namespace() -> None:
    looked_at = world(
        [*SHOP, thing("Namespace", name="plain"), thing("VirtualService", {"gateways": ["no"]})]
    )
    assert [it.level for it in analyzed(looked_at)] == ["Error", "Info"]
    assert [it.code for it in analyzed(looked_at, "plain")] == ["IST0102"]


def test_what_is_suppressed_is_left_out() -> None:
    looked_at = world([*SHOP, thing("Namespace", name="plain")])
    assert analyzed(looked_at, suppressed=("IST0102=Namespace pl*",)) == []


def test_a_files_objects_lie_over_those_of_the_cluster(tmp_path: Path) -> None:
    page = tmp_path / "web.yaml"
    page.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: x, port: 80}]}\n"
    )
    looked_at = world(SHOP, {"web.yaml": of_file(page, "shop")})
    assert [it.line(looked_at)[:43] for it in analyzed(looked_at)] == [
        "Info [IST0118] (Service shop/web web.yaml) "
    ]


def test_a_file_that_is_no_yaml_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("a: [")
    with pytest.raises(Failed) as refused:
        of_file(tmp_path / "wrong.yaml", "shop")
    assert refused.value.code == UNREADABLE
