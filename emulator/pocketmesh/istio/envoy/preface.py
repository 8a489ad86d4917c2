"""How an Envoy learns who connects and what was dialled: PROXY protocol, version 2.

Format: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, section 2.2.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

from pocketmesh.istio.envoy.xds import IDENTITY_TLV
from pocketmesh.net.interception import Connection

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_PROXIED_STREAM_IPV4: Final = b"\x21\x11"


def preface(connection: Connection, identity: str) -> bytes:
    """The header to be sent ahead of a connection's data; the identity is the client's SPIFFE id, empty when
    it has not proved any."""
    name = identity.encode()
    body = b"".join(
        (
            socket.inet_aton(connection.source_ip),
            socket.inet_aton(connection.ip),
            struct.pack("!HH", connection.source_port, connection.port),
            struct.pack("!BH", IDENTITY_TLV, len(name)),
            name,
        )
    )
    return _SIGNATURE + _PROXIED_STREAM_IPV4 + struct.pack("!H", len(body)) + body
