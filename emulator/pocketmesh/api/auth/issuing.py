"""Certificates that the cluster's authority issues upon request (pkg/controller/certificates/authority)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pocketmesh.api.auth.certificates import Certificate

LONGEST: Final = timedelta(days=365)
_BEFORE: Final = timedelta(minutes=5)
_PURPOSES: Final = {
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
}
_USES: Final = {
    "digital signature": "digital_signature",
    "key encipherment": "key_encipherment",
    "content commitment": "content_commitment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
}


def read(request: bytes) -> x509.CertificateSigningRequest:
    """A request in PEM. Raises ValueError."""
    found = x509.load_pem_x509_csr(request)
    if not found.is_signature_valid:
        raise ValueError("the request is not signed by its key")
    return found


def organizations(request: x509.CertificateSigningRequest) -> list[str]:
    """The groups that it asks for."""
    return [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]


def common_name(request: x509.CertificateSigningRequest) -> str:
    """The user that it asks for."""
    return "".join(str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def alternative_names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    """The names and addresses of a server that it asks for."""
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


class Authority:
    """Signs with the key of the cluster's authority."""

    def __init__(self, own: Certificate) -> None:
        key = serialization.load_pem_private_key(own.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(own.certificate)

    def issue(
        self,
        request: x509.CertificateSigningRequest,
        usages: Iterable[str],
        lifetime: timedelta,
        now: datetime,
    ) -> bytes:
        """The certificate that was asked for, in PEM; it never outlives its authority."""
        wanted = set(usages)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self._certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE)
            .not_valid_after(min(now - _BEFORE + lifetime, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if wanted & _USES.keys():
            builder = builder.add_extension(_uses(wanted), critical=True)
        purposes = [oid for name, oid in _PURPOSES.items() if name in wanted]
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        names = alternative_names(request)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def _uses(wanted: set[str]) -> x509.KeyUsage:
    granted: Mapping[str, bool] = {field: name in wanted for name, field in _USES.items()}
    return x509.KeyUsage(
        **granted, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False
    )
