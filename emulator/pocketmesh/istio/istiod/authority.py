"""The mesh's certificate authority: it vouches for workloads' identities, and its key is a Secret.

Nothing checks what it signs, because no bytes travel encrypted here; the certificates are there to be
looked at. Upstream: istio/istio security/pkg/pki/ca/ca.go.
"""

from __future__ import annotations

import ssl
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import NamedTemporaryFile
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.istio.resources import SECRETS
from pocketmesh.objects import Object

SECRET: Final = "istio-ca-secret"
ORGANIZATION: Final = "cluster.local"

_ROOT_LIFETIME: Final = timedelta(days=3650)
_LEAF_LIFETIME: Final = timedelta(hours=24)
_SKEW: Final = timedelta(minutes=2)
"""How much a new certificate is back-dated, for workloads whose clocks are behind."""


@dataclass(frozen=True)
class Authority:
    """The authority as it is now."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def root(self) -> str:
        """Its own certificate, in PEM."""
        return pem(self.certificate)

    def certify(self, identity: str, now: datetime) -> x509.Certificate:
        """A workload's certificate: a SPIFFE URI, no subject, good for a day."""
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        return self._sign(x509.UniformResourceIdentifier(identity), public, now)

    def tls(self, host: str, now: datetime) -> ssl.SSLContext:
        """The server's side of HTTP/2 over TLS, under a certificate for this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.DNSName(host), key.public_key(), now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        # OpenSSL takes them from files only.
        with NamedTemporaryFile() as file:
            file.write(_private(key) + pem(certificate).encode())
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _sign(
        self, name: x509.GeneralName, public: ec.EllipticCurvePublicKey, now: datetime
    ) -> x509.Certificate:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(x509.Name([]), public, now, _LEAF_LIFETIME).issuer_name(self.certificate.subject)
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .sign(self.key, hashes.SHA256())
        )


def open_authority(client: Client, clock: Clock, namespace: str) -> Authority:
    """The authority in istiod's Secret, made when there is none. Raises ApiError."""
    found = client.get(SECRETS, namespace, SECRET)
    if found is None:
        found = client.create(SECRETS, _secret(namespace, clock.now()))
    certificate = x509.load_pem_x509_certificate(b64decode(found["data"]["ca-cert.pem"]))
    key = serialization.load_pem_private_key(b64decode(found["data"]["ca-key.pem"]), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(certificate, key)


def pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _secret(namespace: str, now: datetime) -> Object:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)])
    certificate = (
        _builder(subject, key.public_key(), now, _ROOT_LIFETIME)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    data = {"ca-cert.pem": pem(certificate).encode(), "ca-key.pem": _private(key)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "istio.io/ca-root",
        "metadata": {"namespace": namespace, "name": SECRET},
        "data": {name: b64encode(content).decode() for name, content in data.items()},
    }


def _builder(
    subject: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lifetime)
    )
