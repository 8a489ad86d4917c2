"""Makes the tokens of this lab, and the keys to validate them with, as the manifest `setup/20-tokens.yaml`:

    python labs/lab-09-jwt/tokens.py > labs/lab-09-jwt/setup/20-tokens.yaml

Both key pairs are new each time and their private halves are forgotten, so nobody can sign more. All tokens
are good until the year 2100, but for the one that expired in 2020. It needs `cryptography`.
"""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.labcheck.example"
ROLES = ("editor", "publisher", "proofreader", "columnist")
IN_2020, IN_2100 = 1577836800, 4102444800
MANIFEST = """\
# Made by tokens.py of this lab.
{{% set writers = {writers} -%}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: jwks
  namespace: {{{{ namespace }}}}
data:
  jwks.json: '{jwks}'
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: tokens
  namespace: {{{{ namespace }}}}
data:
  reader: {reader}
  writer: {{{{ writers[role] }}}}
  expired: {expired}
  partner: {partner}
  forged: {forged}
"""


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def token(key: ec.EllipticCurvePrivateKey, subject: str, role: str, **other: object) -> str:
    """A token signed with ES256 (RFC 7515, 7518)."""
    claims = {"iss": ISSUER, "sub": subject, "aud": "articles", "role": role, "exp": IN_2100} | other
    parts = ({"alg": "ES256", "kid": "labcheck", "typ": "JWT"}, claims)
    signed = ".".join(text(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    signature = key.sign(signed.encode(), ec.ECDSA(SHA256()))
    return f"{signed}.{text(b''.join(map(number, decode_dss_signature(signature))))}"


def main() -> None:
    key, another = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_numbers()
    coordinates = {"x": text(number(public.x)), "y": text(number(public.y))}
    jwk = {"kty": "EC", "crv": "P-256", "kid": "labcheck", "alg": "ES256", "use": "sig", **coordinates}
    manifest = MANIFEST.format(
        jwks=json.dumps({"keys": [jwk]}, separators=(",", ":")),
        writers=json.dumps({role: token(key, "willa", role) for role in ROLES}, indent=4),
        reader=token(key, "ren", "reader"),
        expired=token(key, "ren", "reader", exp=IN_2020),
        partner=token(key, "pat", "reader", aud="news"),
        forged=token(another, "ren", "reader"),
    )
    print(manifest, end="")


if __name__ == "__main__":
    main()
