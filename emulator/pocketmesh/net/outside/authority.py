"""The authority behind the certificates of the hosts outside. It lasts as long as the process does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pocketmesh outside world")])
_LIFETIME: Final = timedelta(days=3650)
_SKEW: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """The authority; `certificate` is its own, in PEM."""

    certificate: bytes
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, now: datetime) -> Authority:
        """An authority with a key that nobody else has."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_NAME, key, now).add_extension(x509.BasicConstraints(True, None), critical=True)
        return cls(_pem(builder.sign(key, hashes.SHA256())), key)

    def issue(self, host: str, now: datetime) -> tuple[bytes, bytes]:
        """A certificate for a host and its key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            _builder(subject, key, now)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(certificate), private


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
