"""What the server knows about one kind in one version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pocketmesh.objects import Object
from pocketmesh.schema.structural import Schema

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; `cell` reads it from an object at a time (for ages)."""

    name: str
    type: str
    format: str
    description: str
    priority: int
    cell: Callable[[Object, datetime], object]


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the `scale` subresource finds its numbers, field by field; `selector` is empty where it has none.

    A selector at the end of such a path is text; without paths it is a LabelSelector, as in built-in kinds.
    """

    wanted: tuple[str, ...]
    current: tuple[str, ...]
    selector: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind as discovery, the registry and the table printer need it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    schema: Schema
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = VERBS
    subresources: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    storage: bool = True
    crd: bool = False
    list_kind_name: str = ""
    scale: ScalePaths | None = None

    @property
    def resource(self) -> str:
        """The version-free name: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """The kind of a list of these: `PodList`."""
        return self.list_kind_name or f"{self.kind}List"
