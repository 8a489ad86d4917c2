"""The string formats that kube-apiserver checks in custom resources.

Upstream: apiextensions `pkg/apiserver/validation/formats.go` and kube-openapi's `strfmt`. A format that
is not here is not checked, as upstream does with formats it does not know.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

_UUID: Final = re.compile(r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\Z")
_MAC: Final = re.compile(r"(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}\Z")
_EMAIL: Final = re.compile(r"^[^@\s]+@[^@\s]+\Z")
_LABEL: Final = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOSTNAME: Final = re.compile(rf"^{_LABEL}(\.{_LABEL})*\.?\Z")
_DATE_TIME: Final = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z")
_DURATION: Final = re.compile(
    r"^[+-]?((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w)\s*)+\Z|^0\Z", re.ASCII
)


def fits(text: str, name: str) -> bool:
    """Whether a string has the format of this name."""
    check = _CHECKS.get(name)
    if check is None:
        return True
    try:
        return bool(check(text))
    except (ValueError, binascii.Error):
        return False


_CHECKS: Final[dict[str, Callable[[str], object]]] = {
    "byte": lambda text: base64.b64decode(text, validate=True) is not None,
    "cidr": lambda text: "/" in text and ipaddress.ip_network(text, strict=False),
    "date": lambda text: len(text) == 10 and date.fromisoformat(text),
    "date-time": lambda text: (
        _DATE_TIME.match(text) and datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    ),
    "duration": _DURATION.match,
    "email": _EMAIL.match,
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.match(text),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "mac": _MAC.match,
    "uri": lambda text: text.startswith("/") or urlsplit(text).scheme,
    "uuid": _UUID.match,
}
