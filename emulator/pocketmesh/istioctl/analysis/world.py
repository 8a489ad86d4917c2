"""The objects that are analyzed: those of a cluster, and those of files laid over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pocketmesh.istioctl.exits import UNREADABLE
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.remote.api import Api
from pocketmesh.remote.errors import Failed

ROOT: Final = "istio-system"
SYSTEM: Final = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage", ROOT})
"""Namespaces that nothing is found in."""

_NETWORKING: Final = "networking.istio.io/v1"
_GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
KINDS: Final = (
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    (_NETWORKING, "DestinationRule"),
    (_NETWORKING, "Gateway"),
    (_NETWORKING, "ServiceEntry"),
    (_NETWORKING, "VirtualService"),
    (_NETWORKING, "WorkloadEntry"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("security.istio.io/v1", "RequestAuthentication"),
    ("telemetry.istio.io/v1", "Telemetry"),
    ("extensions.istio.io/v1alpha1", "WasmPlugin"),
    (_GATEWAY_API, "Gateway"),
    (_GATEWAY_API, "GRPCRoute"),
    (_GATEWAY_API, "HTTPRoute"),
)

Kind = tuple[str, str]
"""API group and kind, because both Istio and the Gateway API have a Gateway."""


@dataclass(frozen=True, slots=True)
class World:
    """Objects by kind and place; `files` says where those that are not in the cluster came from."""

    objects: Mapping[Kind, Mapping[tuple[str, str], Object]]
    files: Mapping[tuple[Kind, str, str], str] = field(default_factory=dict)

    def all(self, kind: str, group: str | None = None) -> Iterator[Object]:
        """The objects of a kind outside the system's namespaces."""
        return (obj for obj in self.everywhere(kind, group) if place(obj) not in SYSTEM)

    def everywhere(self, kind: str, group: str | None = None) -> Iterator[Object]:
        """The objects of a kind."""
        for (found, name), objects in self.objects.items():
            if name == kind and group in (None, found):
                yield from objects.values()

    def has(self, kind: str, namespace: str, name: str, group: str = "") -> bool:
        """Whether an object is there."""
        return (namespace, name) in self.objects.get((group, kind), {})

    def source(self, obj: Object) -> str:
        """The file that an object came from; empty for one of the cluster."""
        return self.files.get((_kind(obj), namespace_of(obj), name_of(obj)), "")


def place(obj: Object) -> str:
    """The namespace that an object counts to: a Namespace counts to itself."""
    return name_of(obj) if obj["kind"] == "Namespace" else namespace_of(obj)


def world(objects: Iterable[Object], local: Mapping[str, Iterable[Object]] | None = None) -> World:
    """Objects of a cluster, and over them those of files by name."""
    found: dict[Kind, dict[tuple[str, str], Object]] = {}
    files: dict[tuple[Kind, str, str], str] = {}
    for obj in objects:
        found.setdefault(_kind(obj), {})[namespace_of(obj), name_of(obj)] = obj
    for file, loaded in (local or {}).items():
        for obj in loaded:
            found.setdefault(_kind(obj), {})[namespace_of(obj), name_of(obj)] = obj
            files[_kind(obj), namespace_of(obj), name_of(obj)] = file
    return World(found, files)


def of_cluster(api: Api) -> list[Object]:
    """Every object of the kinds that are looked at."""
    return [obj for version, kind in KINDS for obj in api.all(version, kind)]


def of_file(path: Path, namespace: str) -> list[Object]:
    """The objects of a YAML file; those that do not name a namespace are put into this one.

    Raises Failed with the exit code for unreadable input.
    """
    import yaml

    try:
        documents: list[Any] = list(yaml.safe_load_all(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise Failed(f"1 error occurred:\n\t* error(s) adding files: {path}: {error}", UNREADABLE) from error
    found = []
    for document in documents:
        for obj in document.get("items") or [document] if isinstance(document, dict) else ():
            if obj.get("apiVersion") and obj.get("kind") and name_of(obj):
                found.append(_placed(obj, namespace))
    return found


def _placed(obj: Object, namespace: str) -> Object:
    if obj["kind"] in {"Namespace", "CustomResourceDefinition", "GatewayClass"} or namespace_of(obj):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def _kind(obj: Object) -> Kind:
    group, slash, _ = str(obj["apiVersion"]).partition("/")
    return (group if slash else "", obj["kind"])
