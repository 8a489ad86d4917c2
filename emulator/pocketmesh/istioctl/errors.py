"""What goes wrong, in words for people, with the exit codes of istioctl (istioctl/cmd/sysexits.go)."""

from __future__ import annotations

from typing import Final

USAGE: Final = 64
UNREADABLE: Final = 65
FINDINGS: Final = 79


class Failed(Exception):
    """A command cannot do what it was asked to."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Refused(Failed):
    """The API server answered with a Status; `status` is its code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
