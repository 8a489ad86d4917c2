"""Failed connections in Go's words, which people know from the messages of kubectl and the API server."""

from __future__ import annotations

import errno
import os
from typing import Final

_WORDS: Final = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
}


def said(problem: OSError, address: str) -> str:
    """`dial tcp 10.244.0.7:80: connect: connection refused`, and the like (Go's net.OpError)."""
    if isinstance(problem, ConnectionResetError):
        return f"read tcp {address}: read: connection reset by peer"
    if isinstance(problem, TimeoutError):
        return f"dial tcp {address}: i/o timeout"
    code = errno.ECONNREFUSED if isinstance(problem, ConnectionRefusedError) else problem.errno or 0
    words = _WORDS.get(code) or (os.strerror(code).lower() if code else str(problem))
    return f"dial tcp {address}: {words}"
