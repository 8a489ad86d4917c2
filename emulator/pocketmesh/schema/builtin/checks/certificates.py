"""What a CertificateSigningRequest must say (pkg/apis/certificates/validation)."""

from __future__ import annotations

import base64
import re
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.errors import FieldError

_SHORTEST: Final = 600
_LEGACY: Final = "kubernetes.io/legacy-unknown"
_USAGES: Final = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign"),
    *("data encipherment", "decipher only", "digital signature", "email protection", "encipher only"),
    *("ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc"),
    *("netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"),
)
_REQUEST = re.compile(rb"-----BEGIN CERTIFICATE REQUEST-----.+-----END CERTIFICATE REQUEST-----", re.S)


def signing_request(obj: Object, _old: Object | None) -> list[FieldError]:
    """A CertificateSigningRequest."""
    spec = obj.get("spec") or {}
    found: list[FieldError] = []
    if not _REQUEST.search(_decoded(spec.get("request") or "")):
        found.append(errors.invalid_whole("spec.request", "PEM block type must be CERTIFICATE REQUEST"))
    if not spec.get("usages"):
        found.append(errors.required("spec.usages"))
    for index, usage in enumerate(spec.get("usages") or []):
        if usage not in _USAGES:
            found.append(errors.unsupported(f"spec.usages[{index}]", usage, _USAGES))
    found += _signer(spec.get("signerName") or "")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        rule = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(errors.invalid("spec.expirationSeconds", seconds, rule))
    return found


def _signer(name: str) -> list[FieldError]:
    if not name:
        return [errors.required("spec.signerName")]
    if name == _LEGACY:
        return [
            errors.invalid(
                "spec.signerName", name, "the legacy signerName is not allowed via this API version"
            )
        ]
    domain, slash, path = name.partition("/")
    if not slash or not path or "." not in domain or names.dns_subdomain(domain):
        rule = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [errors.invalid("spec.signerName", name, rule)]
    return []


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
