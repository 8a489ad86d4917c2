"""Protobuf bodies are read as Go clients mean them."""

from __future__ import annotations

import base64

import pytest

from pocketmesh.schema.protobuf import UnknownMessage, decode


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(api_version: str, kind: str, *fields: bytes) -> bytes:
    named = field(1, api_version) + field(2, kind)
    return b"k8s\0" + field(1, named) + field(2, b"".join(fields)) + field(3, "") + field(4, "")


def pair(key: str, value: bytes | str) -> bytes:
    return field(1, key) + field(2, value)


def test_a_config_map_is_read():
    metadata = (
        field(1, "settings") + field(3, "shop") + field(7, 0) + field(8, b"") + field(11, pair("a", "b"))
    )
    assert decode(body("v1", "ConfigMap", field(1, metadata), field(2, pair("key", "value")))) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop", "labels": {"a": "b"}},
        "data": {"key": "value"},
    }


def test_bytes_are_base64_in_json():
    secret = decode(body("v1", "Secret", field(2, pair("token", b"\x00\xff")), field(3, "Opaque")))
    assert secret["data"] == {"token": base64.b64encode(b"\x00\xff").decode()}


def test_inlined_messages_lie_flat():
    volume = field(1, "settings") + field(2, field(19, field(1, field(1, "cm"))))
    pod = decode(body("v1", "Pod", field(2, field(1, volume))))
    assert pod["spec"]["volumes"] == [{"name": "settings", "configMap": {"name": "cm"}}]


@pytest.mark.parametrize(
    ("encoded", "port"), [(field(1, 0) + field(2, 8080), 8080), (field(1, 1) + field(3, "http"), "http")]
)
def test_a_port_is_a_number_or_a_name(encoded, port):
    service = decode(body("v1", "Service", field(2, field(1, field(3, 80) + field(4, encoded)))))
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": port}]


def test_zeros_stay_where_they_mean_something():
    spec = field(1, 0) + field(5, 0)
    assert decode(body("apps/v1", "Deployment", field(2, spec)))["spec"] == {"replicas": 0}


def test_quantities_and_times_and_negative_numbers_are_text_and_numbers():
    claim = field(2, pair("memory", field(1, "64Mi")))
    pod = decode(body("v1", "Pod", field(2, field(2, field(8, claim)) + field(25, -5))))
    assert pod["spec"]["containers"] == [{"resources": {"requests": {"memory": "64Mi"}}}]
    assert pod["spec"]["priority"] == -5
    lease = decode(
        body("coordination.k8s.io/v1", "Lease", field(2, field(4, field(1, 1_700_000_000) + field(2, 5000))))
    )
    assert lease["spec"]["renewTime"] == "2023-11-14T22:13:20.000005Z"


def test_options_are_read_whatever_group_they_are_sent_to():
    options = decode(body("apps/v1", "DeleteOptions", field(1, 0), field(4, "Foreground")))
    assert options == {
        "apiVersion": "apps/v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Foreground",
    }


def test_a_list_that_is_a_message_is_a_list():
    review = field(5, pair("scopes", field(1, "a") + field(1, "b")))
    decoded = decode(body("authorization.k8s.io/v1", "SubjectAccessReview", field(2, review)))
    assert decoded["spec"]["extra"] == {"scopes": ["a", "b"]}


def test_fields_from_the_future_are_skipped():
    assert decode(body("v1", "ConfigMap", field(999, "new"))) == {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"{}", "protobuf prefix"),
        (body("shop.io/v1", "Widget"), "shop.io/v1 Widget cannot be read as protobuf; send JSON"),
        (body("v1", "ConfigMap", field(1, b"\x0a\x7f")), "damaged"),
    ],
    ids=["not protobuf", "unknown kind", "cut short"],
)
def test_what_cannot_be_read_is_told(text, complaint):
    with pytest.raises(UnknownMessage, match=complaint):
        decode(text)
