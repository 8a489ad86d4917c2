"""What goes wrong between a command and a cluster, in words for people."""

from __future__ import annotations


class Failed(Exception):
    """A command cannot do what it was asked to; it ends with `code`."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Refused(Failed):
    """The API server answered with a Status; `status` is its code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
