"""The cluster as checks see it: they may read, and what they do not find they get named.

Refuses to write. What is missing from the learner's answer is `Failed`; what we may not or cannot read is
`Ungradable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labcheck.checks.resource import Resource
from labcheck.checks.verdict import Evidence, Failed
from labcheck.errors import Ungradable
from labcheck.kube import ApiRefused, Cluster, Kind


class ClusterView:
    """Reads objects. `kind` is a kind's name, with `.group` where several groups share it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def get(self, kind: str, name: str, namespace: str = "") -> Resource:
        """The object of that name. Raises Failed, naming those that do exist."""
        found = self.look(kind, name, namespace)
        if found is None:
            known = self._kind(kind, namespace)
            wanted = f"{known.kind} {namespace}/{name}" if namespace else f"{known.kind} {name}"
            raise self._absent(known, namespace, f"the {wanted}")
        return found

    def look(self, kind: str, name: str, namespace: str = "") -> Resource | None:
        """The object of that name, or None."""
        known = self._kind(kind, namespace)
        found = self._ask(lambda: self._cluster.get(known, name, namespace))
        return None if found is None else Resource(found)

    def all(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[Resource]:
        """All objects of a kind: of one namespace, or of all when none is given; with these labels."""
        known = self._kind(kind, "")
        items = self._ask(lambda: self._cluster.all(known, namespace, labels or {}))
        return [Resource(item) for item in items]

    def find(
        self, kind: str, where: Callable[[Resource], object], namespace: str = "", *, wanted: str
    ) -> Resource:
        """The first object that `where` holds for. Raises Failed; `wanted` says in words what for."""
        for resource in self.all(kind, namespace):
            if where(resource):
                return resource
        raise self._absent(self._kind(kind, ""), namespace, wanted)

    def _absent(self, kind: Kind, namespace: str, wanted: str) -> Failed:
        where = f"in {namespace}" if namespace else "in the cluster"
        here = [resource.name for resource in self.all(kind.key, namespace)]
        if here:
            observed = f"{kind.plural} {where}: {', '.join(sorted(here)[:8])}"
        else:
            observed = f"no {kind.plural} {where}"
            if namespace:
                elsewhere = sorted(f"{it.namespace}/{it.name}" for it in self.all(kind.key))
                observed += f"; elsewhere: {', '.join(elsewhere[:8])}" if elsewhere else ""
        scope = f" -n {namespace}" if namespace else ""
        return Failed(Evidence(wanted, observed, next=f"kubectl get {self._typed(kind)}{scope}"))

    def _typed(self, kind: Kind) -> str:
        """What to type for a kind: `gateways` means another group's where several have one."""
        try:
            plain = self._cluster.kind(kind.plural).group == kind.group
        except LookupError:
            plain = False
        return kind.plural if plain else f"{kind.plural}.{kind.group}"

    def _kind(self, name: str, namespace: str) -> Kind:
        try:
            kind: Kind = self._ask(lambda: self._cluster.kind(name))
        except LookupError as error:
            raise Failed(
                Evidence(f"the cluster serves {name}", str(error), next="kubectl api-resources")
            ) from None
        if namespace and not kind.namespaced:
            raise TypeError(f"{kind.kind} is not namespaced, but the check gives the namespace {namespace!r}")
        return kind

    @staticmethod
    def _ask(question: Callable[[], Any]) -> Any:
        try:
            return question()
        except ApiRefused as refusal:
            raise Ungradable(f"The cluster does not let us read this: {refusal.message}") from refusal
