"""Which kinds this server serves at the moment: the built-in ones and those of CRDs."""

from __future__ import annotations

from collections.abc import Iterable

from pocketmesh.objects import Object, name_of
from pocketmesh.schema.builtin.table import builtin_kinds
from pocketmesh.schema.custom import kinds_of
from pocketmesh.schema.kind import VERBS, Column, Kind

__all__ = ["VERBS", "Column", "Kind", "Kinds", "builtin_kinds"]


class Kinds:
    """An index of kinds that changes as CustomResourceDefinitions come and go."""

    def __init__(self, builtins: Iterable[Kind]) -> None:
        self.generation = 0
        self._served: dict[str, list[Kind]] = {}
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        for kind in builtins:
            self._served.setdefault(kind.resource, []).append(kind)
        self._index()

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a URL."""
        return self._by_path.get((group, version, plural))

    def of(self, api_version: str, kind: str) -> Kind | None:
        """The kind that an object names."""
        return self._by_kind.get((api_version, kind))

    def stored(self, resource: str) -> Kind:
        """The version of `deployments.apps` that is kept in the store. Raises KeyError."""
        versions = self._served[resource]
        return next((kind for kind in versions if kind.storage), versions[0])

    def versions(self, resource: str) -> list[Kind]:
        """Every served version of a resource, the preferred one first; empty when it is unknown."""
        return list(self._served.get(resource, ()))

    def all(self) -> list[Kind]:
        """Every kind in every served version."""
        return [kind for versions in self._served.values() for kind in versions]

    def serve(self, crd: Object) -> None:
        """Serves what a CustomResourceDefinition asks for, instead of what it asked for before."""
        kinds = kinds_of(crd)
        if kinds:
            self._served[name_of(crd)] = sorted(
                kinds, key=lambda kind: version_priority(kind.version), reverse=True
            )
        else:
            self._served.pop(name_of(crd), None)
        self._index()

    def withdraw(self, crd_name: str) -> None:
        """Stops serving the kinds of a CustomResourceDefinition; harmless when there are none."""
        if self._served.pop(crd_name, None) is not None:
            self._index()

    def _index(self) -> None:
        kinds = self.all()
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in kinds}
        self._by_kind = {(kind.api_version, kind.kind): kind for kind in kinds}
        self.generation += 1


def version_priority(version: str) -> tuple[int, int, int]:
    """Kubernetes' version order: `v2` before `v1` before `v1beta1` before `v1alpha1`.

    Upstream: apimachinery `pkg/version/helpers.go`.
    """
    for rank, stage in ((1, "alpha"), (2, "beta")):
        major, found, minor = version.removeprefix("v").partition(stage)
        if found and major.isdigit() and minor.isdigit():
            return (rank, int(major), int(minor))
    major = version.removeprefix("v")
    return (3, int(major), 0) if major.isdigit() else (0, 0, 0)
