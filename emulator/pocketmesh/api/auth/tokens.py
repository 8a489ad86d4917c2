"""ServiceAccount tokens: signed JSON web tokens that name an account, an audience and an end.

Claims as k8s.io/kubernetes/pkg/serviceaccount/claims.go writes them; ES256 (RFC 7518 section 3.4).
Whether the account still exists is for whoever authenticates with the token to ask.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pocketmesh.clock import Clock
from pocketmesh.objects import Object

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
SECRET_ISSUER: Final = "kubernetes/serviceaccount"
_SECRET_CLAIM: Final = "kubernetes.io/serviceaccount/"
_HALF: Final = 32
_REMEMBERED: Final = 256


class TokenRefused(Exception):
    """The token is none of ours, or is not valid here and now; the message says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token is for: a ServiceAccount, and the object that it dies with (`{"pod": {name, uid}}`)."""

    namespace: str
    name: str
    uid: str
    bound: Object


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says."""

    subject: Subject
    audiences: tuple[str, ...]
    identifier: str


class Tokens:
    """Issues and checks tokens with one key."""

    def __init__(self, signing_key: bytes, clock: Clock) -> None:
        key = serialization.load_pem_private_key(signing_key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._clock = clock
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._key_id = _encoded(hashlib.sha256(public).digest())
        self._claims = lru_cache(_REMEMBERED)(self._verified)

    def issue(self, subject: Subject, audiences: Sequence[str], seconds: int) -> str:
        """A token for an account, for the cluster's own API when no audience is named."""
        now = int(self._clock.now().timestamp())
        account = {"name": subject.name, "uid": subject.uid}
        claims = {
            "aud": list(audiences) or [ISSUER],
            "exp": now + seconds,
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": subject.namespace, **subject.bound, "serviceaccount": account},
            "nbf": now,
            "sub": f"system:serviceaccount:{subject.namespace}:{subject.name}",
        }
        return self._signed(claims)

    def issue_for_secret(self, namespace: str, account: str, uid: str, secret: str) -> str:
        """A token without an end, for the Secret that it lives and dies with
        (k8s.io/kubernetes/pkg/serviceaccount/legacy.go)."""
        return self._signed(
            {
                "iss": SECRET_ISSUER,
                f"{_SECRET_CLAIM}namespace": namespace,
                f"{_SECRET_CLAIM}secret.name": secret,
                f"{_SECRET_CLAIM}service-account.name": account,
                f"{_SECRET_CLAIM}service-account.uid": uid,
                "sub": f"system:serviceaccount:{namespace}:{account}",
            }
        )

    def _signed(self, claims: Object) -> str:
        head = {"alg": "ES256", "kid": self._key_id}
        signed = f"{_encoded(orjson.dumps(head))}.{_encoded(orjson.dumps(claims))}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(_HALF) + s.to_bytes(_HALF))}"

    def check(self, token: str, audiences: Sequence[str] = (ISSUER,)) -> Token:
        """What a token says, for those of `audiences` that it names. Raises TokenRefused."""
        claims = self._claims(token)
        if claims.get("iss") == SECRET_ISSUER:
            return _of_secret(claims, audiences)
        now = self._clock.now()
        for claim, late in (("exp", True), ("nbf", False)):
            limit = claims[claim]
            if (now.timestamp() >= limit) is late:
                raise TokenRefused("token has expired" if late else "token is not valid yet")
        common = tuple(audience for audience in audiences if audience in claims["aud"])
        if claims["iss"] != ISSUER or not common:
            raise TokenRefused(
                f"token audiences {claims['aud']} is invalid for the target audiences {list(audiences)}"
            )
        own = claims["kubernetes.io"]
        account = own["serviceaccount"]
        bound = {kind: own[kind] for kind in ("pod", "secret", "node") if kind in own}
        subject = Subject(own["namespace"], account["name"], account["uid"], bound)
        return Token(subject, common, claims["jti"])

    def expiry(self, seconds: int) -> Any:
        """When a token that is issued now for so long ends."""
        return self._clock.now() + timedelta(seconds=seconds)

    def jwks(self) -> Object:
        """The public key for those who check tokens themselves (`/openid/v1/jwks`)."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self._key_id,
            "crv": "P-256",
            "alg": "ES256",
            "x": _encoded(numbers.x.to_bytes(_HALF)),
            "y": _encoded(numbers.y.to_bytes(_HALF)),
        }
        return {"keys": [key]}

    def discovery(self) -> Object:
        """`/.well-known/openid-configuration`."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def _verified(self, token: str) -> Object:
        """What a token claims, if we have signed it; whether that holds now is asked each time."""
        try:
            signed, _, signature = token.rpartition(".")
            head, _, body = signed.partition(".")
            if orjson.loads(_decoded(head))["alg"] != "ES256":
                raise TokenRefused("unexpected signing algorithm")
            raw = _decoded(signature)
            halves = int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:])
            der = utils.encode_dss_signature(*halves)
            self._key.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
            claims: Object = orjson.loads(_decoded(body))
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise TokenRefused("invalid bearer token") from error
        return claims


def _of_secret(claims: Object, audiences: Sequence[str]) -> Token:
    """What a Secret's token says: no audience but our own, and a Secret without its uid."""
    if ISSUER not in audiences:
        raise TokenRefused(f"token audiences [] is invalid for the target audiences {list(audiences)}")
    own = {name: claims.get(f"{_SECRET_CLAIM}{name}", "") for name in ("namespace", "secret.name")}
    account = {field: claims.get(f"{_SECRET_CLAIM}service-account.{field}", "") for field in ("name", "uid")}
    secret = {"secret": {"name": own["secret.name"], "uid": ""}}
    return Token(Subject(own["namespace"], account["name"], account["uid"], secret), (ISSUER,), "")


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
