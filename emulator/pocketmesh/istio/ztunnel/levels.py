"""ztunnel's `/logging`: tells and sets the log level. Only the words change, the access log does not.

Upstream: istio/ztunnel src/admin.rs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

_DEFAULT: Final = "info"
_LEVELS: Final = frozenset({"trace", "debug", "info", "warn", "error", "off"})


class LogLevels:
    """The page; its state is that of one ztunnel."""

    def __init__(self) -> None:
        self._level = _DEFAULT

    def __call__(self, query: str) -> tuple[HTTPStatus, bytes]:
        asked = parse_qs(query, keep_blank_values=True)
        wanted = asked.get("level", [""])[0]
        if "reset" in asked:
            self._level = _DEFAULT
        elif wanted:
            if any(part.rpartition(":")[2] not in _LEVELS for part in wanted.split(",")):
                return HTTPStatus.BAD_REQUEST, f"Invalid level provided: {wanted}\n".encode()
            self._level = wanted
        return HTTPStatus.OK, f"current log level is {self._level}\n".encode()
