"""Long bodies go out in pieces.

Written at once, a list of megabytes is copied again and again on its way through TLS, into memory that the
kernel has to find first; and a client that does not read would keep all of the copies.
"""

from __future__ import annotations

from typing import Final

from aiohttp import payload, web
from aiohttp.abc import AbstractStreamWriter

_PIECE: Final = 128 * 1024


class Pieces(payload.Payload):
    """A body of bytes, each piece written when the client has taken those before."""

    def __init__(self, body: bytes, content_type: str) -> None:
        super().__init__(body, content_type=content_type)
        self._size = len(body)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        view = memoryview(self._value)
        for start in range(0, len(view), _PIECE):
            await writer.write(view[start : start + _PIECE])


def in_pieces(response: web.StreamResponse) -> web.StreamResponse:
    """The response, its body cut when it is long."""
    if (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and len(response.body) > _PIECE
    ):
        response.body = Pieces(response.body, response.content_type)
    return response
