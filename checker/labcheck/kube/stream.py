"""What a command in a pod reads and writes, over one WebSocket: messages, each for one channel."""

from __future__ import annotations

import time
from typing import Any

from labcheck.kube.errors import ExecTimeout, StreamEnded

PROTOCOL = "v4.channel.k8s.io"
STDIN, STDOUT, STATUS = 0, 1, 3
"""The channels; on the last the server tells how the command ended. Source: the remotecommand protocol v4."""


class Stream:
    """The streams of one command, over a WebSocket of websocket-client that speaks PROTOCOL."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def send(self, data: bytes) -> None:
        """Writes to standard input. Raises StreamEnded."""
        import websocket

        try:
            self._socket.send_binary(bytes([STDIN]) + data)
        except (OSError, websocket.WebSocketException) as error:
            raise StreamEnded("A stream to a pod broke.", evidence=str(error)) from error

    def receive(self, deadline: float) -> tuple[int, bytes]:
        """The next message: its channel and what it says.

        Raises ExecTimeout at the deadline, and StreamEnded after the last message.
        """
        import websocket

        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            opcode, data = self._socket.recv_data()
        except websocket.WebSocketTimeoutException as error:
            raise ExecTimeout("A command in a pod did not end in time.") from error
        except (OSError, websocket.WebSocketException) as error:
            raise StreamEnded("A stream to a pod broke.", evidence=str(error)) from error
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise StreamEnded("A command in a pod ended.")
        return (data[0], bytes(data[1:])) if data else (STDOUT, b"")

    def close(self) -> None:
        """Leaves the command; one that reads its standard input ends."""
        self._socket.shutdown()
