"""Lists in pieces: `limit`, `continue` and `remainingItemCount`.

A continue token names the key after which to go on and the revision of the first page. The store
keeps no old versions of objects, so later pages show the objects as they are then, and a token never
expires; upstream shows the objects of the first page's revision for some minutes and then answers 410.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from pocketmesh.api.errors import bad_request
from pocketmesh.objects import Object
from pocketmesh.store import Stored


@dataclass(frozen=True, slots=True)
class Page:
    """What a list answers: the objects with their bytes, and where the next page starts."""

    items: list[Stored]
    revision: int
    token: str = ""
    remaining: int | None = None

    @property
    def objects(self) -> list[Object]:
        """The items as objects; shared, not to be changed."""
        return [stored.object for stored in self.items]

    def metadata(self) -> Object:
        """The `ListMeta`."""
        found: Object = {"resourceVersion": str(self.revision)}
        if self.token:
            found["continue"] = self.token
        if self.remaining:
            found["remainingItemCount"] = self.remaining
        return found


@dataclass(frozen=True, slots=True)
class Position:
    """What a continue token says."""

    namespace: str
    name: str
    revision: int

    def token(self) -> str:
        """As clients carry it."""
        fields = {"v": "meta.k8s.io/v1", "rv": self.revision, "start": f"{self.namespace}/{self.name}"}
        return base64.urlsafe_b64encode(orjson.dumps(fields)).decode().rstrip("=")

    @classmethod
    def read(cls, token: str) -> Position:
        """Raises ApiError 400 for a token that is not ours."""
        try:
            fields = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            namespace, _, name = fields["start"].partition("/")
            return cls(namespace, name, int(fields["rv"]))
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise bad_request(f"continue key is not valid: {error}") from error


def page(found: Sequence[Stored], revision: int, limit: int, after: Position | None, selected: bool) -> Page:
    """One page of what was found; `found` is in key order.

    `selected` says that a selector was used: then the remaining count is not given, as upstream
    would have to look at every object to know it.
    """
    if after is not None:
        place = (after.namespace, after.name)
        found = [stored for stored in found if stored.key[1:] > place]
        revision = after.revision
    if limit <= 0 or len(found) <= limit:
        return Page(list(found), revision)
    items = list(found[:limit])
    last = items[-1].key
    token = Position(last.namespace, last.name, revision).token()
    return Page(items, revision, token, None if selected else len(found) - limit)
