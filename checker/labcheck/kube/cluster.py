"""A cluster by its kubeconfig: find kinds, read, apply, shells in pods. Plain dicts in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from labcheck.kube import kinds
from labcheck.kube.connection import Connection, Object, selector
from labcheck.kube.errors import ApiRefused
from labcheck.kube.execution import Shell
from labcheck.kube.kinds import Kind

FIELD_MANAGER = "labcheck"


def connect(kubeconfig: Path) -> Cluster:
    """The cluster that the kubeconfig's current context names, to be closed. Raises Unreachable."""
    return Cluster(Connection(kubeconfig))


class Cluster:
    """One cluster's API. Raises ApiRefused and Unreachable."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._kinds: list[Kind] = []
        self._called: dict[str, Kind] = {}

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what connections are kept open."""
        self.connection.close()

    def kinds(self, *, again: bool = False) -> list[Kind]:
        """Every kind that the server serves; asked once, and `again` when it may have changed."""
        if again or not self._kinds:
            self._called.clear()
            self._kinds = [
                kind
                for path in ("/api", "/apis")
                for kind in kinds.from_discovery(
                    self.connection.request("GET", path, accept=kinds.AGGREGATED)
                )
            ]
        return self._kinds

    def kind(self, name: str) -> Kind:
        """The kind that a person calls `name`. Raises LookupError."""
        if name not in self._called:
            self._called[name] = kinds.find(self.kinds(), name)
        return self._called[name]

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """One object, or None."""
        try:
            return self.connection.request("GET", kind.path(namespace, name))
        except ApiRefused as refusal:
            if refusal.code == 404:
                return None
            raise

    def all(self, kind: Kind, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[Object]:
        """The objects of a kind."""
        return self.listing(kind, namespace, labels)[0]

    def listing(
        self, kind: Kind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[list[Object], str]:
        """The objects of a kind, each with the kind that lists leave out, and the revision to watch from."""
        answer = self.connection.request("GET", kind.path(namespace), query=selector(labels or {}))
        stamp = {"apiVersion": kind.api_version, "kind": kind.kind}
        items = [stamp | item for item in answer.get("items") or ()]
        return items, str(answer.get("metadata", {}).get("resourceVersion", ""))

    def watch(self, kind: Kind, namespace: str, revision: str, timeout: float) -> Iterator[Object]:
        """The objects as they change after `revision`, for about `timeout` seconds."""
        query = [
            ("watch", "true"),
            ("resourceVersion", revision),
            ("timeoutSeconds", str(max(1, int(timeout)))),
        ]
        for event in self.connection.lines(kind.path(namespace), query=query, timeout=timeout):
            if event.get("type") in {"ADDED", "MODIFIED"}:
                yield event["object"]

    def apply(self, kind: Kind, obj: Object) -> Object:
        """Server-side apply with strict field validation, taking over whatever another manager owns."""
        metadata = obj.get("metadata") or {}
        return self.connection.request(
            "PATCH",
            kind.path(metadata.get("namespace") or "default", metadata.get("name", "")),
            query=[("fieldManager", FIELD_MANAGER), ("force", "true"), ("fieldValidation", "Strict")],
            body=obj,
            content_type="application/apply-patch+yaml",
        )

    def log(self, namespace: str, pod: str, container: str | None = None, *, tail: int) -> str:
        """The last lines that a pod's container wrote."""
        query = [("tailLines", str(tail)), *([("container", container)] if container else [])]
        return self.connection.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query=query)

    def shell(self, namespace: str, pod: str, container: str | None = None) -> Shell:
        """A shell in a pod, to be closed."""
        query = [("command", "sh"), ("stdin", "true"), ("stdout", "true")]
        if container:
            query.append(("container", container))
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        return Shell(self.connection.stream(path, query=query))
