"""Names, labels and keys are refused in Kubernetes' words."""

# ruff: noqa: E501 - the server's words stay in one piece

from __future__ import annotations

import pytest

from pocketmesh.schema import names


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (names.dns_label, "my-name"),
        (names.dns_label, "1st"),
        (names.dns_subdomain, "example.com"),
        (names.dns_1035_label, "gateway"),
        (names.path_segment, "system:node"),
        (names.label_key, "istio.io/use-waypoint"),
        (names.label_key, "app"),
        (names.label_value, ""),
        (names.label_value, "v1.0_x"),
        (names.config_key, "..data"[2:]),
        (names.environment_variable, "MY VAR"),
        (names.port_name, "http-web"),
        (names.header, "X-Header"),
    ],
)
def test_what_is_right_has_no_complaints(rule, value):
    assert rule(value) == []


@pytest.mark.parametrize(
    ("rule", "value", "complaint"),
    [
        (
            names.dns_label,
            "My-Name",
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
            "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
        (names.dns_label, "a.b", "must not contain dots"),
        (names.dns_label, "a" * 64, "must be no more than 63 bytes"),
        (
            names.dns_subdomain,
            "a_b",
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        (
            names.label_value,
            "a b",
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
            "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            names.label_key,
            "-a",
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (names.label_key, "/a", "prefix part must be non-empty"),
        (names.path_segment, "a/b", "may not contain '/'"),
        (names.port_name, "80", "must contain at least one letter (a-z)"),
        (names.config_key, "..", "must not be '..'"),
    ],
)
def test_what_is_wrong_is_told(rule, value, complaint):
    assert complaint in rule(value)


@pytest.mark.parametrize(("port", "right"), [(1, True), (65535, True), (0, False), (65536, False)])
def test_a_port_has_a_range(port, right):
    assert (names.port_number(port) == []) == right
