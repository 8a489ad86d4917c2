"""What a DestinationRule's `tls` makes of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.envoy.upstream_tls import by_request, transport
from pocketmesh.istio.mesh.destination_rules import TrafficPolicy

Object = dict[str, Any]
KNOWN = {"": "SYSTEM", "configmap://shop/ca": "OWN"}


def validation(tls: Object) -> Object:
    """How the server's certificate is verified."""
    common = transport(TrafficPolicy(tls=tls, authorities=KNOWN), "http")["transport_socket"]["typed_config"][
        "common_tls_context"
    ]
    return dict(common.get("validation_context", {}))


@pytest.mark.parametrize("mode", [None, "DISABLE", "ISTIO_MUTUAL"])
def test_without_tls_of_its_own_a_cluster_is_as_it_was(mode: str | None) -> None:
    tls = {"mode": mode} if mode else {}

    assert (transport(TrafficPolicy(tls=tls, authorities=KNOWN), "http"), by_request(tls)) == ({}, {})


@pytest.mark.parametrize(
    ("tls", "trusted"),
    [
        pytest.param({}, "SYSTEM", id="nothing said"),
        pytest.param({"caCertificates": "system"}, "SYSTEM", id="the system's"),
        pytest.param({"credentialName": "configmap://shop/ca"}, "OWN", id="of one's own"),
    ],
)
def test_an_authority_is_trusted(tls: Object, trusted: str) -> None:
    assert validation({"mode": "SIMPLE", **tls})["trusted_ca"] == {"inline_string": trusted}


def test_an_authority_that_is_not_there_vouches_for_nobody() -> None:
    assert validation({"mode": "SIMPLE", "credentialName": "configmap://shop/gone"}) == {
        "verify_certificate_hash": ["00" * 32]
    }


def test_nothing_is_verified_if_so_wished() -> None:
    assert validation({"mode": "SIMPLE", "insecureSkipVerify": True}) == {}


@pytest.mark.parametrize(
    ("tls", "names", "automatic"),
    [
        pytest.param({}, None, {"auto_sni": True, "auto_san_validation": True}, id="the request's own host"),
        pytest.param({"sni": "a.example"}, ["a.example"], {}, id="a fixed name"),
        pytest.param({"subjectAltNames": ["b.example"]}, ["b.example"], {"auto_sni": True}, id="other names"),
        pytest.param({"insecureSkipVerify": True}, None, {"auto_sni": True}, id="unverified"),
    ],
)
def test_the_server_must_carry_a_name(tls: Object, names: list[str] | None, automatic: Object) -> None:
    tls = {"mode": "SIMPLE", **tls}
    matched = validation(tls).get("match_typed_subject_alt_names")

    assert by_request(tls) == automatic
    assert (matched and [entry["matcher"]["exact"] for entry in matched]) == names
