from __future__ import annotations

import pytest

from pocketmesh.api.streams.spdy.frames import (
    Data,
    Decoder,
    Encoder,
    Frame,
    GoAway,
    MoreHeaders,
    Ping,
    ProtocolViolated,
    Reset,
    SynReply,
    SynStream,
    WindowUpdate,
)

FRAMES: list[Frame] = [
    SynStream(1, {"streamtype": "error"}),
    SynStream(3, {"streamtype": "stdin"}, fin=True),
    SynReply(1, {}),
    MoreHeaders(1, {"x": "y"}),
    Data(1, b"hello"),
    Data(1, b"", fin=True),
    Reset(3, 5),
    Ping(7),
    GoAway(3, 0),
    WindowUpdate(1, 65536),
]


@pytest.mark.parametrize("size", [1, 7, 4096], ids=["bytewise", "in sevens", "at once"])
def test_frames_survive_the_wire_however_it_cuts_them(size: int) -> None:
    encoder, decoder = Encoder(), Decoder()
    sent = b"".join(encoder.encode(frame) for frame in FRAMES)

    received = [frame for at in range(0, len(sent), size) for frame in decoder.feed(sent[at : at + size])]

    assert received == FRAMES


def test_bytes_of_a_ping_are_those_of_the_draft() -> None:
    assert Encoder().encode(Ping(1)).hex() == "80030006000000040000" + "0001"


def test_a_settings_frame_is_read_over() -> None:
    settings = bytes.fromhex("8003000400000004" + "00000000")

    assert list(Decoder().feed(settings + Encoder().encode(Ping(3)))) == [Ping(3)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("8002000600000004" + "00000001", id="another version"),
        pytest.param("80030001ffffffff", id="a frame of 16 MB"),
        pytest.param("800300010000000c" + "000000010000000000000000", id="a header block that is no zlib"),
        pytest.param("8003000600000000", id="a ping without a number"),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_found_out(wrong: str) -> None:
    with pytest.raises(ProtocolViolated):
        list(Decoder().feed(bytes.fromhex(wrong)))
