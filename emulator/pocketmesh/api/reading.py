"""The verbs that change nothing: get, list and watch, in whatever version is asked for."""

from __future__ import annotations

from functools import partial

import orjson

from pocketmesh.api import definitions, errors, scale
from pocketmesh.api.paging import Page, Position, page
from pocketmesh.api.selectors import EVERYTHING, Selection, parse_fields, parse_labels, selectable_fields
from pocketmesh.api.watching import Watching
from pocketmesh.objects import Object
from pocketmesh.schema.builtin.conversion import converted
from pocketmesh.schema.kinds import Kind, Kinds
from pocketmesh.store import Expired, Key, Store, Stored


class Reading:
    """Reads every kind that is served. What comes out is shared and must not be changed."""

    def __init__(self, store: Store, kinds: Kinds) -> None:
        self.store = store
        self.kinds = kinds

    def get(self, kind: Kind, namespace: str, name: str, subresource: str = "") -> Object:
        """One object, or a subresource of it, in the version of `kind`. Raises ApiError 404."""
        obj = self.read(kind, namespace, name).object
        return scale.read(kind, obj) if subresource == "scale" else obj

    def read(self, kind: Kind, namespace: str, name: str) -> Stored:
        """As `get`, with the object's bytes."""
        stored = self.store.get(key_of(kind, namespace, name))
        if stored is None:
            raise errors.not_found(kind, name)
        return in_version(kind, stored)

    def select(self, kind: Kind, labels: str = "", fields: str = "") -> Selection:
        """The selection that a query asks for. Raises ApiError 400."""
        if not labels and not fields:
            return EVERYTHING
        return Selection(parse_labels(labels), parse_fields(fields, self._selectable(kind)))

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        selection: Selection = EVERYTHING,
        *,
        limit: int = 0,
        token: str = "",
    ) -> Page:
        """The objects that are selected, by namespace and name. Raises ApiError 400 for the token."""
        after = Position.read(token) if token else None
        found = [
            in_version(kind, stored)
            for stored in self.store.objects(kind.resource, namespace)
            if not selection or selection.matches(stored.object)
        ]
        return page(found, self.store.revision, limit, after, bool(selection))

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        selection: Selection = EVERYTHING,
        *,
        since: int | None = None,
    ) -> Watching:
        """The changes after revision `since`; None or 0 begins with the objects that are there now.

        Raises ApiError 410 when the revision is too old, 504 when it has not been reached.
        """
        if since is not None and since > self.store.revision:
            raise errors.future_revision(since, self.store.revision)
        try:
            events = self.store.watch(kind.resource, namespace=namespace, since=since or None)
        except Expired as error:
            raise errors.expired(str(error)) from error
        initial = [] if since else self.list(kind, namespace, selection).items
        return Watching(initial, self.store.revision, events, selection, partial(in_version, kind))

    def _selectable(self, kind: Kind) -> tuple[str, ...]:
        if not kind.crd:
            return selectable_fields(kind.resource)
        crd = self.store.get(Key(definitions.RESOURCE, "", kind.resource))
        paths = definitions.selectable_fields(crd.object, kind.version) if crd else ()
        return (*selectable_fields(kind.resource), *paths)


def in_version(kind: Kind, stored: Stored) -> Stored:
    """A stored object as the version of `kind` shows it."""
    if stored.object.get("apiVersion") == kind.api_version:
        return stored
    obj = converted(kind.resource, stored.object, kind.api_version)
    return Stored(stored.key, stored.revision, obj, orjson.dumps(obj))


def key_of(kind: Kind, namespace: str, name: str) -> Key:
    return Key(kind.resource, namespace if kind.namespaced else "", name)
