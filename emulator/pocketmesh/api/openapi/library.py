"""Keeps the OpenAPI documents of the served kinds: built when first asked for, as bytes."""

from __future__ import annotations

import hashlib

import orjson

from pocketmesh import versions
from pocketmesh.api.openapi import gnostic
from pocketmesh.api.openapi.paths import v2_paths, v3_paths
from pocketmesh.api.openapi.schemas import V2, V3, schemas
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind, Kinds

_INFO = {"title": "Kubernetes", "version": f"v{versions.KUBERNETES}"}


class Library:
    """Documents by version and place; a new generation of kinds makes only what changed anew."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._generation = -1
        self._places: dict[str, list[Kind]] = {}
        self._hashes: dict[str, str] = {}
        self._hash = ""
        """Of all of it."""
        self._documents: dict[str, bytes] = {}

    def index(self) -> tuple[bytes, str]:
        """The answer of `/openapi/v3`, and its hash."""
        self._refresh()
        paths = {
            place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={found}"}
            for place, found in self._hashes.items()
        }
        return orjson.dumps({"paths": paths}), self._hash

    def group_version(self, place: str) -> tuple[bytes, str] | None:
        """The document of `api/v1` or `apis/GROUP/VERSION` and its hash; None when there is none."""
        self._refresh()
        found = self._hashes.get(place)
        if found is None:
            return None
        if found not in self._documents:
            kinds = self._places[place]
            document = {
                "openapi": "3.0.0",
                "info": _INFO,
                "paths": v3_paths(kinds),
                "components": {"schemas": schemas(kinds, V3)},
            }
            self._documents[found] = orjson.dumps(document)
        return self._documents[found], found

    def swagger(self) -> bytes:
        """The whole of it as OpenAPI 2, in JSON."""
        return orjson.dumps(self._v2())

    def gnostic(self) -> tuple[bytes, str]:
        """The whole of it as OpenAPI 2, in protobuf, and its hash."""
        self._refresh()
        if self._hash not in self._documents:
            self._documents[self._hash] = gnostic.encode(self._v2())
        return self._documents[self._hash], self._hash

    def _v2(self) -> Object:
        kinds = self._kinds.all()
        definitions = schemas(kinds, V2)
        return {"swagger": "2.0", "info": _INFO, "paths": v2_paths(kinds), "definitions": definitions}

    def _refresh(self) -> None:
        if self._generation == self._kinds.generation:
            return
        self._generation = self._kinds.generation
        self._places = {}
        for kind in self._kinds.all():
            place = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
            self._places.setdefault(place, []).append(kind)
        self._hashes = {place: _hash(kinds) for place, kinds in sorted(self._places.items())}
        self._hash = hashlib.sha256(orjson.dumps(self._hashes)).hexdigest()[:32].upper()
        kept = {self._hash, *self._hashes.values()}
        self._documents = {key: body for key, body in self._documents.items() if key in kept}


def _hash(kinds: list[Kind]) -> str:
    """Names the content without building it: built-in schemas are fixed by the version."""
    parts: list[object] = [versions.KUBERNETES, [(kind.api_version, kind.kind) for kind in kinds]]
    parts += [kind.schema.document for kind in kinds if kind.crd]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:32].upper()
