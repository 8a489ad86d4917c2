"""Whom the server lets in: what it asks of authentication and authorization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from multidict import MultiMapping

from pocketmesh.api.calls import Caller


@dataclass(frozen=True, slots=True)
class Attributes:
    """What somebody wants to do: a verb on a resource, or on a path that is none."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access(Protocol):
    """Says who a caller is and what they may do."""

    def authenticate(self, headers: MultiMapping[str], certificate: Any) -> Caller:
        """Raises ApiError 401.

        `certificate` is what `ssl.SSLSocket.getpeercert` returns, with its digest as `sha256`, or None.
        """
        ...

    def authorize(self, caller: Caller, attributes: Attributes) -> None:
        """Raises ApiError 403."""
        ...
