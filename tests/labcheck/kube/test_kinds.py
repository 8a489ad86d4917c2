from __future__ import annotations

from typing import Any

import pytest

from labcheck.kube.kinds import Kind, find, from_discovery, of


def resource(plural: str, kind: str, *short: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "singularResource": kind.lower(),
        "shortNames": list(short),
        "scope": scope,
    }


def group(name: str, *versions: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "versions": [{"version": v, "resources": r} for v, r in versions]}


DISCOVERY = {
    "items": [
        group(
            "",
            (
                "v1",
                [
                    resource("namespaces", "Namespace", "ns", scope="Cluster"),
                    resource("events", "Event", "ev"),
                ],
            ),
        ),
        group("events.k8s.io", ("v1", [resource("events", "Event", "ev")])),
        group(
            "gateway.networking.k8s.io",
            ("v1", [resource("gateways", "Gateway", "gtw"), resource("httproutes", "HTTPRoute")]),
            ("v1beta1", [resource("gateways", "Gateway", "gtw")]),
        ),
        group("networking.istio.io", ("v1", [resource("gateways", "Gateway", "gw")])),
    ]
}
KINDS = list(from_discovery(DISCOVERY))


@pytest.mark.parametrize(
    ("name", "api_version", "kind"),
    [
        ("Namespace", "v1", "Namespace"),
        ("ns", "v1", "Namespace"),
        ("httproutes", "gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("httproute", "gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("gtw", "gateway.networking.k8s.io/v1", "Gateway"),
        ("gw", "networking.istio.io/v1", "Gateway"),
        ("Gateway.networking.istio.io", "networking.istio.io/v1", "Gateway"),
        ("Event", "v1", "Event"),
        ("Namespace.", "v1", "Namespace"),
    ],
)
def test_a_kind_is_found_by_the_names_that_kubectl_knows(name: str, api_version: str, kind: str) -> None:
    found = find(KINDS, name)
    assert (found.api_version, found.kind) == (api_version, kind)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HTTPRout", "Did you mean `HTTPRoute`"),
        ("Gateway", "say `Gateway.gateway.networking.k8s.io` or `Gateway.networking.istio.io`"),
        ("HTTPRoute.networking.istio.io", "serves no kind `HTTPRoute.networking.istio.io`"),
    ],
)
def test_a_kind_that_is_not_there_or_not_clear_is_named(name: str, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        find(KINDS, name)


def test_a_key_means_its_kind_and_no_other() -> None:
    assert all(find(KINDS, kind.key).group == kind.group for kind in KINDS)


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        (KINDS[0], "", "red", "/api/v1/namespaces/red"),
        (KINDS[0], "ignored", "", "/api/v1/namespaces"),
        (KINDS[1], "red", "x", "/api/v1/namespaces/red/events/x"),
        (KINDS[1], "", "", "/api/v1/events"),
        (KINDS[3], "red", "", "/apis/gateway.networking.k8s.io/v1/namespaces/red/gateways"),
    ],
)
def test_objects_have_their_paths(kind: Kind, namespace: str, name: str, path: str) -> None:
    assert kind.path(namespace, name) == path


def test_a_manifest_names_its_own_version() -> None:
    found = of(KINDS, "gateway.networking.k8s.io/v1beta1", "Gateway")
    assert found is not None
    assert found.version == "v1beta1"
    assert of(KINDS, "v2", "Namespace") is None
