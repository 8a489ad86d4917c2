"""The cluster as checks see it: they may read, and what they do not find they get named.

Refuses to write. What is missing from the learner's answer is `Failed`; what we may not or cannot read is
`Ungradable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labcheck.checks.journal import Journal
from labcheck.checks.resource import Resource
from labcheck.checks.verdict import Evidence, Failed
from labcheck.errors import Ungradable
from labcheck.kube import ApiRefused, Cluster, Kind

_NAMED = 8
"""Objects that a message names."""


class ClusterView:
    """Reads objects. `kind` is a kind's name, with `.group` where several groups share it."""

    def __init__(self, cluster: Cluster, journal: Journal | None = None) -> None:
        self._cluster = cluster
        self._journal = Journal() if journal is None else journal

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
        place = f"{namespace}/{name}" if namespace else name
        self._journal.add("read", f"{known.kind} {place}", "absent" if found is None else "found")
        return None if found is None else self._read(found)

    def all(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[Resource]:
        """All objects of a kind: of one namespace, or of all when none is given; with these labels."""
        known = self._kind(kind, "")
        items = self._ask(lambda: self._cluster.all(known, namespace, labels or {}))
        labelled = "".join(f" -l {key}={value}" for key, value in (labels or {}).items())
        where = f" in {namespace}" if namespace else ""
        resources = [self._read(item) for item in items]
        names = ", ".join(sorted(it.name for it in resources)[:_NAMED])
        self._journal.add(
            "read", f"{known.plural}{where}{labelled}", f"{len(items)}: {names}" if items else "none"
        )
        return resources

    def find(
        self, kind: str, where: Callable[[Resource], object], namespace: str = "", *, wanted: str
    ) -> Resource:
        """The first object that `where` holds for. Raises Failed; `wanted` says in words what for."""
        for resource in self.all(kind, namespace):
            if where(resource):
                return resource
        raise self._absent(self._kind(kind, ""), namespace, wanted)

    def log(self, pod: str, namespace: str, container: str | None = None, *, tail: int = 500) -> str:
        """The last `tail` lines that a pod wrote; the container is to be named where it has several."""
        written: str = self._ask(lambda: self._cluster.log(namespace, pod, container, tail=tail))
        self._journal.add("log", f"{namespace}/{pod}", f"{len(written.splitlines())} lines")
        return written

    def _read(self, obj: dict[str, Any]) -> Resource:
        resource = Resource(obj)
        self._journal.keep(resource.ref, resource)
        return resource

    def _absent(self, kind: Kind, namespace: str, wanted: str) -> Failed:
        where = f"in {namespace}" if namespace else "in the cluster"
        here = [resource.name for resource in self.all(kind.key, namespace)]
        if here:
            observed = f"{kind.plural} {where}: {', '.join(sorted(here)[:_NAMED])}"
        else:
            observed = f"no {kind.plural} {where}"
            if namespace:
                elsewhere = sorted(f"{it.namespace}/{it.name}" for it in self.all(kind.key))
                observed += f"; elsewhere: {', '.join(elsewhere[:_NAMED])}" if elsewhere else ""
        scope = f" -n {namespace}" if namespace else ""
        next_step = f"kubectl get {self._typed(kind)}{scope}"
        return Failed(Evidence(wanted, observed, next=next_step, subject=f"the {kind.plural} {where}"))

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
