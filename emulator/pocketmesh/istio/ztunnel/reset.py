"""Breaking a connection off so that its client sees a reset."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

_LATEST: Final = 0.1
_REST: Final = 0.002


async def reset(far: socket.socket) -> None:
    """Ends an accepted connection with `Connection reset by peer`, once its client has spoken.

    The reset of a real ztunnel comes a round trip after the client's first bytes. On a unix socket it
    comes of closing with unread data (Linux unix(7)), so this waits for data, and a moment for what the
    client sends right behind. A client that waits to be spoken to sees the connection end after 100 ms.
    """
    loop = asyncio.get_running_loop()
    done = False

    def close() -> None:
        nonlocal done
        if not done:
            done = True
            loop.remove_reader(far)
            far.close()

    def spoken() -> None:
        loop.remove_reader(far)
        loop.call_later(_REST, close)

    loop.add_reader(far, spoken)
    loop.call_later(_LATEST, close)
