"""The debug streams of istiod, spoken to with a client of h2's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived

from pocketmesh.istio.istiod.syncz import DEBUG_SYNCZ, Proxy, discovery_response, requested_type
from pocketmesh.istio.istiod.xds import DebugStreams

PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
PROXY = Proxy("istio-system", "ztunnel-x", "ztunnel", SINCE)


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        data, self.written = self.written, b""
        return data


class Caller:
    """A gRPC client with one stream."""

    def __init__(self, answer: bytes, path: str = PATH) -> None:
        self.asked: list[str] = []
        self.data = b""
        self.headers: dict[str, str] = {}
        self._answer = answer
        self._wire = Wire()
        self._server = DebugStreams(self._respond)
        self._client = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._server.connection_made(self._wire)
        self._client.initiate_connection()
        request = [(":method", "POST"), (":scheme", "http"), (":authority", "istiod"), (":path", path)]
        self._client.send_headers(1, request)
        self.exchange()

    def send(self, message: bytes) -> None:
        self._client.send_data(1, b"\0" + len(message).to_bytes(4) + message)
        self.exchange()

    def exchange(self) -> None:
        """Carries bytes to and fro until there are none."""
        while outgoing := self._client.data_to_send():
            self._server.data_received(outgoing)
            for event in self._client.receive_data(self._wire.taken()):
                if isinstance(event, ResponseReceived):
                    self.headers |= {str(name): str(value) for name, value in event.headers or []}
                if isinstance(event, DataReceived):
                    self.data += event.data or b""
                    self._client.acknowledge_received_data(event.flow_controlled_length or 0, 1)

    def _respond(self, kind: str) -> bytes:
        self.asked.append(kind)
        return self._answer


def request_for(kind: str) -> bytes:
    return b"\x22" + bytes([len(kind)]) + kind.encode()


def test_a_request_is_answered_on_its_stream() -> None:
    caller = Caller(b"the answer")

    caller.send(request_for(DEBUG_SYNCZ))

    assert caller.asked == [DEBUG_SYNCZ]
    assert caller.data == b"\0\0\0\0\x0athe answer"


def test_an_acknowledgement_is_not_answered_again() -> None:
    caller = Caller(b"the answer")

    for _ in range(2):
        caller.send(request_for(DEBUG_SYNCZ))

    assert caller.asked == [DEBUG_SYNCZ]


def test_an_answer_larger_than_a_window_arrives_whole() -> None:
    caller = Caller(b"x" * 200_000)

    caller.send(request_for(DEBUG_SYNCZ))

    assert len(caller.data) == 200_005


def test_other_methods_are_not_implemented() -> None:
    assert Caller(b"", "/grpc.health.v1.Health/Check").headers["grpc-status"] == "12"


@pytest.mark.parametrize("message", [b"\x23", b"\x22\xff", b"\x80" * 12], ids=["group", "cut off", "endless"])
def test_nonsense_is_no_request(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"field|number"):
        requested_type(message)


def test_the_type_is_found_behind_other_fields() -> None:
    assert requested_type(b"\x0a\x011" + b"\x12\x02\x0a\x00" + request_for("a/type")) == "a/type"


def test_every_proxy_is_a_resource_of_the_answer() -> None:
    answer = discovery_response(DEBUG_SYNCZ, "istiod-1", [PROXY, PROXY])

    assert answer.count(b"ztunnel-x.istio-system") == 2
    assert b'"ID":"istiod-1"' in answer


def test_an_unknown_type_has_no_resources() -> None:
    assert b"ztunnel" not in discovery_response("istio.io/debug/edsz", "istiod-1", [PROXY])
