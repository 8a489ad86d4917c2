"""What names, labels and keys may look like, and what Kubernetes says when they do not.

Each function returns complaints, none when all is well. Upstream: apimachinery
`pkg/util/validation` and `pkg/api/validate/content`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_HEADER: Final = "[-A-Za-z0-9]+"
_KEY_RULE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_compiled: Final = cache(re.compile)  # without the lookup that re.fullmatch makes each time
_PRINTABLE: Final = re.compile(r"[ -<>-~]+")


def dns_label(value: str) -> list[str]:
    """An RFC 1123 label: namespaces, containers, services."""
    complaints = _length(value, 63)
    if not _is(_LABEL, value):
        if _is(_SUBDOMAIN, value):
            return [*complaints, "must not contain dots"]
        rule = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
            "and must start and end with an alphanumeric character"
        )
        complaints.append(_rule(rule, _LABEL, "my-name", "123-abc"))
    return complaints


def dns_subdomain(value: str) -> list[str]:
    """An RFC 1123 subdomain: most names."""
    rule = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character"
    )
    complaints = _length(value, 253)
    return complaints if _is(_SUBDOMAIN, value) else [*complaints, _rule(rule, _SUBDOMAIN, "example.com")]


def wildcard_subdomain(value: str) -> list[str]:
    """A subdomain whose first label is `*`: hosts of an Ingress."""
    rule = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
        "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
    )
    pattern = rf"\*\.{_SUBDOMAIN}"
    complaints = _length(value, 253)
    return complaints if _is(pattern, value) else [*complaints, _rule(rule, pattern, "*.example.com")]


def dns_1035_label(value: str) -> list[str]:
    """An RFC 1035 label: kinds, plurals and short names of custom resources."""
    rule = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character"
    )
    complaints = _length(value, 63)
    return (
        complaints if _is(_DNS_1035, value) else [*complaints, _rule(rule, _DNS_1035, "my-name", "abc-123")]
    )


def path_segment(value: str) -> list[str]:
    """Anything that can stand in a URL: roles and their bindings."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def label_key(value: str) -> list[str]:
    """A label's or annotation's key, a finalizer: `example.com/name`, `name`."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        example = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {_key_rule()} {example}"]
    complaints = []
    if slash:
        complaints = [f"prefix part {complaint}" for complaint in dns_subdomain(prefix)]
        complaints = complaints if prefix else ["prefix part must be non-empty"]
    if not name:
        complaints.append("name part must be non-empty")
    complaints += [f"name part {complaint}" for complaint in _length(name, 63)]
    return complaints if _is(_KEY, name) else [*complaints, f"name part {_key_rule()}"]


def label_value(value: str) -> list[str]:
    """A label's value; may be empty."""
    complaints = _length(value, 63)
    if not value or _is(_KEY, value):
        return complaints
    rule = f"a valid label must be an empty string or {_KEY_RULE.removeprefix('must ')}"
    return [*complaints, _rule(rule, f"({_KEY})?", "MyValue", "my_value", "12345")]


def config_key(value: str) -> list[str]:
    """A key in a ConfigMap or Secret."""
    complaints = _length(value, 253)
    if not _is(_CONFIG_KEY, value):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        complaints.append(_rule(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        complaints.append(f"must not be '{value}'")
    elif value.startswith(".."):
        complaints.append("must not start with '..'")
    return complaints


def environment_variable(value: str) -> list[str]:
    """The name of an environment variable."""
    if _PRINTABLE.fullmatch(value):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    ]


def header(value: str) -> list[str]:
    """The name of an HTTP header."""
    rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [] if _is(_HEADER, value) else [_rule(rule, _HEADER, "X-Header-Name")]


def port_name(value: str) -> list[str]:
    """A container port's name, and a reference to it."""
    complaints = _length(value, 15)
    if not _is("[-a-z0-9]+", value):
        complaints.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        complaints.append("must contain at least one letter (a-z)")
    if "--" in value:
        complaints.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        complaints.append("must not begin or end with a hyphen")
    return complaints


def port_number(value: int) -> list[str]:
    """A TCP or UDP port."""
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def _is(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


def _length(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(value.encode()) > limit else []


def _key_rule() -> str:
    return _rule(_KEY_RULE, _KEY, "MyName", "my.name", "123-abc")


def _rule(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"
