"""Makes this lab's certificate, and what its visitors trust, as the manifest `setup/25-certificate.yaml`:

    python labs/lab-10-ingress/certificate.py > labs/lab-10-ingress/setup/25-certificate.yaml

The authority is new each time and its key is forgotten, so nobody can issue more. The certificate is for
every name below example.com, and good until the year 2100. It needs `cryptography`.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

IN_2020, IN_2100 = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
AUTHORITY = "The authority of lab 10"
MANIFEST = """\
# Made by certificate.py of this lab.
apiVersion: v1
kind: Secret
metadata:
  name: storefront-tls
  namespace: {{{{ shop }}}}
type: kubernetes.io/tls
data:
  tls.crt: {certificate}
  tls.key: {key}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: trusted
  namespace: {{{{ outside }}}}
data:
  ca.crt: |
    {authority}
"""


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def signed(name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate for a key, in PEM: the authority's own when the key is the signer's."""
    is_authority = key is signer
    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(common_name(AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(IN_2020)
        .not_valid_after(IN_2100)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(signer, SHA256()).public_bytes(serialization.Encoding.PEM)


def main() -> None:
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    manifest = MANIFEST.format(
        certificate=b64encode(signed("*.example.com", key, signer)).decode(),
        key=b64encode(private).decode(),
        authority=signed(AUTHORITY, signer, signer).decode().strip().replace("\n", "\n    "),
    )
    print(manifest, end="")


if __name__ == "__main__":
    main()
