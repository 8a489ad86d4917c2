"""The certificates and keys of one cluster, made once and kept in its state directory.

A private CA signs the server's certificate and the administrator's; nothing here is trusted by, or
trusts, anything outside. Every file is readable by its owner only.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pocketmesh.clock import Clock

ADMINISTRATOR: Final = "kubernetes-admin"
MASTERS: Final = "system:masters"
_LIFETIME: Final = timedelta(days=3650)
_SERVER_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_SERVER_ADDRESSES: Final = ("127.0.0.1", "::1", "10.96.0.1")


@dataclass(frozen=True, slots=True)
class _Subject:
    """Whom a certificate is for; one with names is a server."""

    name: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_SERVER: Final = _Subject("kube-apiserver", (), _SERVER_NAMES, _SERVER_ADDRESSES)
_ADMINISTRATOR: Final = _Subject(ADMINISTRATOR, (MASTERS,))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a cluster proves itself and its administrator with; `signing_key` signs ServiceAccount tokens."""

    directory: Path
    authority: Certificate
    server: Certificate
    administrator: Certificate
    signing_key: bytes

    def tls(self) -> ssl.SSLContext:
        """The server's side of TLS; a client may, but need not, show a certificate of our CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.directory / "server.crt", self.directory / "server.key")
        context.load_verify_locations(cadata=self.authority.certificate.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        context.num_tickets = 0  # no client resumes a session: each is a process of its own
        return context


def open_credentials(directory: Path, clock: Clock) -> Credentials:
    """The credentials in a directory, made where they are missing. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = _read(directory)
    if found is None:
        _write(directory, clock.now())
        found = _read(directory)
    assert found is not None
    return found


def _read(directory: Path) -> Credentials | None:
    pairs = []
    try:
        for name in ("ca", "server", "admin"):
            certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
            pairs.append(Certificate(certificate.read_bytes(), key.read_bytes()))
        signing_key = (directory / "sa.key").read_bytes()
    except FileNotFoundError:
        return None
    return Credentials(directory, pairs[0], pairs[1], pairs[2], signing_key)


def _write(directory: Path, now: datetime) -> None:
    issuer = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(_Subject("kubernetes"), issuer, issuer, None, now)
    server_key, admin_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    server = _certificate(_SERVER, server_key, issuer, authority, now)
    admin = _certificate(_ADMINISTRATOR, admin_key, issuer, authority, now)
    files = {
        "ca.crt": authority.public_bytes(serialization.Encoding.PEM),
        "ca.key": _pem(issuer),
        "server.crt": server.public_bytes(serialization.Encoding.PEM),
        "server.key": _pem(server_key),
        "admin.crt": admin.public_bytes(serialization.Encoding.PEM),
        "admin.key": _pem(admin_key),
        "sa.key": _pem(ec.generate_private_key(ec.SECP256R1())),
    }
    for name, content in files.items():
        write_private(directory / name, content)


def _certificate(
    subject: _Subject,
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    now: datetime,
) -> x509.Certificate:
    """A certificate for `key`, signed by the authority, or the authority itself when there is none yet."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
    name = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority.subject if authority else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(_usage(authority is None), critical=True)
        .add_extension(own, critical=False)
        .add_extension(signer, critical=False)
    )
    if authority is not None:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if subject.names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if subject.names:
        names = [x509.DNSName(name) for name in subject.names]
        addresses = [x509.IPAddress(ip_address(address)) for address in subject.addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
    return builder.sign(issuer, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    temporary.replace(path)
