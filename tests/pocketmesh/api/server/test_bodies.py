from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.server.bodies import decode


def test_yaml_dates_stay_strings() -> None:
    assert decode(b"at: 2026-01-31T12:00:00Z\nday: 2026-01-31", "application/yaml").object == {
        "at": "2026-01-31T12:00:00Z",
        "day": "2026-01-31",
    }


def test_fields_given_twice_are_named_and_the_last_one_counts() -> None:
    body = decode(b'{"a": 1, "b": {"c": 1, "c": 2}, "l": [{}, {"x": 1, "x": 2}], "a": 3}', "application/json")

    assert body.object == {"a": 3, "b": {"c": 2}, "l": [{}, {"x": 2}]}
    assert body.duplicates == ("a", "b.c", "l[1].x")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"a: [", "application/yaml", 400),
        (b"<a/>", "application/xml", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, content_type: str, code: int) -> None:
    with pytest.raises(ApiError) as refusal:
        decode(body, content_type)

    assert refusal.value.code == code
