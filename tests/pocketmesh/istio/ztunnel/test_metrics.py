from __future__ import annotations

import pytest

from pocketmesh.istio.ztunnel.metrics import flags


@pytest.mark.parametrize(
    ("error", "found"),
    [
        pytest.param("", "", id="none"),
        pytest.param("http status: 401 Unauthorized", "DENY", id="refused tunnel"),
        pytest.param(
            "connection closed due to policy rejection: explicitly denied by: a/b", "DENY", id="policy"
        ),
        pytest.param(
            "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed",
            "NETWORK_POLICY",
            id="NetworkPolicy",
        ),
        pytest.param("connection failed: Connection refused (os error 111)", "CONNECT", id="nobody listens"),
    ],
)
def test_a_failed_connection_has_a_flag(error: str, found: str) -> None:
    assert flags(error) == found
