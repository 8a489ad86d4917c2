"""Certificates that are asked for: who signs what, and what is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pocketmesh.api.auth import issuing
from pocketmesh.api.auth.certificates import open_credentials
from pocketmesh.clock import WallClock
from pocketmesh.controllers.certificate_signing import (
    CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    RequestRefused,
    check,
)

KEY = ec.generate_private_key(ec.SECP256R1())


def request(group="devs", name="bob", dns=""):
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
    return builder.sign(KEY, hashes.SHA256())


NODE = {"group": "system:nodes", "name": "system:node:n"}


@pytest.mark.parametrize(
    ("signer", "asked", "usages", "why"),
    [
        pytest.param(CLIENT, {}, ["client auth"], "", id="a user"),
        pytest.param(CLIENT, {}, ["digital signature", "client auth"], "", id="with a signature"),
        pytest.param(CLIENT, {}, ["digital signature"], "missing required usage for client", id="no client"),
        pytest.param(CLIENT, {}, ["server auth"], "invalid usage for client certificate", id="a server"),
        pytest.param(KUBELET_CLIENT, NODE, ["client auth"], "", id="a kubelet"),
        pytest.param(KUBELET_CLIENT, {}, ["client auth"], "organization is not system:nodes", id="no node"),
        pytest.param(KUBELET_SERVING, {**NODE, "dns": "n"}, ["server auth"], "", id="a kubelet's server"),
        pytest.param(KUBELET_SERVING, NODE, ["server auth"], "DNS or IP subjectAltName", id="without a name"),
        pytest.param(
            KUBELET_SERVING,
            {"group": "system:nodes", "dns": "n"},
            ["server auth"],
            "common name does not begin with system:node:",
            id="not a node's name",
        ),
    ],
)
def test_a_signer_signs_what_is_its_business(signer, asked, usages, why):
    if not why:
        check(signer, request(**asked), usages)
        return
    with pytest.raises(RequestRefused, match=why):
        check(signer, request(**asked), usages)


def test_a_certificate_says_what_was_asked_for(tmp_path):
    authority = issuing.Authority(open_credentials(tmp_path / "pki", WallClock()).authority)
    now = datetime.now(UTC).replace(microsecond=0)
    issued = authority.issue(request(dns="web"), ["client auth"], timedelta(hours=1), now)
    found = x509.load_pem_x509_certificate(issued)
    assert found.subject.rfc4514_string() == "CN=bob,O=devs"
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(hours=1)
    (purpose,) = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert purpose == ExtendedKeyUsageOID.CLIENT_AUTH


def test_a_request_that_is_not_signed_by_its_key_is_refused():
    pem = request().public_bytes(Encoding.PEM)
    body = bytearray(base64.b64decode(b"".join(pem.splitlines()[1:-1])))
    body[-1] ^= 1
    broken = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(body))
    with pytest.raises(ValueError, match="signed"):
        issuing.read(broken + b"-----END CERTIFICATE REQUEST-----\n")
