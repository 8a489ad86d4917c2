"""What the server tells clients that it serves: the legacy documents and the aggregated ones.

Pure functions over Kinds; whoever answers requests keeps the results until `Kinds.generation` changes.
Sources: k8s.io/apimachinery metav1 (APIGroupList, APIResourceList) and k8s.io/api/apidiscovery/v2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind, Kinds, version_priority

# Groups in upstream's order, which decides what a short name like `ev` or `gateway` means to kubectl;
# those of CRDs follow by name. Source: kubernetes cmd/kube-apiserver/app/aggregator.go.
_FIRST: Final = (
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
_EDIT: Final = ("get", "patch", "update")
_CONNECT: Final = ("create", "get")
_PROXY: Final = ("create", "delete", "get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """What a subresource reads and writes; an empty kind means that of its parent."""

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


SUBRESOURCES: Final = {
    "approval": Subresource(_EDIT),
    "attach": Subresource(_CONNECT, "PodAttachOptions", "", "v1"),
    "binding": Subresource(("create",), "Binding", "", "v1"),
    "ephemeralcontainers": Subresource(_EDIT),
    "eviction": Subresource(("create",), "Eviction", "policy", "v1"),
    "exec": Subresource(_CONNECT, "PodExecOptions", "", "v1"),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "portforward": Subresource(_CONNECT, "PodPortForwardOptions", "", "v1"),
    "proxy": Subresource(_PROXY),
    "resize": Subresource(_EDIT),
    "scale": Subresource(_EDIT, "Scale", "autoscaling", "v1"),
    "status": Subresource(_EDIT),
    "token": Subresource(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
}


def groups(kinds: Kinds) -> dict[str, dict[str, list[Kind]]]:
    """The kinds by group and version: groups in upstream's order, the preferred version first."""
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds.all():
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)

    def place(group: str) -> tuple[int, str]:
        return (_FIRST.index(group), "") if group in _FIRST else (len(_FIRST), group)

    return {
        group: {
            version: sorted(found[group][version], key=lambda kind: kind.plural)
            for version in sorted(found[group], key=version_priority, reverse=True)
        }
        for group in sorted(found, key=place)
    }


def api_versions(host: str) -> Object:
    """The answer of `/api`."""
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": host}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]}


def api_group_list(kinds: Kinds) -> Object:
    """The answer of `/apis`."""
    found = [_group(group, versions) for group, versions in groups(kinds).items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def api_group(kinds: Kinds, group: str) -> Object | None:
    """The answer of `/apis/GROUP`; None when there is no such group."""
    versions = groups(kinds).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None


def api_resource_list(kinds: Kinds, group: str, version: str) -> Object | None:
    """The answer of `/api/v1` and `/apis/GROUP/VERSION`; None when there is no such version."""
    found = groups(kinds).get(group, {}).get(version)
    if not found:
        return None
    api_version = f"{group}/{version}" if group else version
    resources = [entry for kind in found for entry in (_resource(kind), *_subresources(kind))]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources,
    }


def aggregated(kinds: Kinds, *, core: bool, version: str) -> Object:
    """The answer of `/api` (`core`) or `/apis` as `APIGroupDiscoveryList`, in `v2` or `v2beta1`."""
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None},
            "versions": [_discovered(name, found) for name, found in versions.items()],
        }
        for group, versions in groups(kinds).items()
        if (group == "") == core
    ]
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _group(group: str, versions: Iterable[str]) -> Object:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _resource(kind: Kind) -> Object:
    entry: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return entry


def _subresources(kind: Kind) -> list[Object]:
    entries: list[Object] = []
    for name in sorted(kind.subresources):
        what = SUBRESOURCES[name]
        entry: Object = {
            "name": f"{kind.plural}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": what.kind or kind.kind,
            "verbs": list(what.verbs),
        }
        if what.group:
            entry |= {"group": what.group, "version": what.version}
        entries.append(entry)
    return entries


def _discovered(version: str, found: Iterable[Kind]) -> Object:
    resources = []
    for kind in found:
        resource: Object = {
            "resource": kind.plural,
            "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "singularResource": kind.singular,
            "verbs": list(kind.verbs),
        }
        if kind.short_names:
            resource["shortNames"] = list(kind.short_names)
        if kind.categories:
            resource["categories"] = list(kind.categories)
        if kind.subresources:
            resource["subresources"] = [_discovered_part(kind, name) for name in sorted(kind.subresources)]
        resources.append(resource)
    return {"version": version, "resources": resources, "freshness": "Current"}


def _discovered_part(kind: Kind, name: str) -> Object:
    what = SUBRESOURCES[name]
    response = (
        {"group": what.group, "version": what.version, "kind": what.kind}
        if what.kind
        else {"group": kind.group, "version": kind.version, "kind": kind.kind}
    )
    return {"subresource": name, "responseKind": response, "verbs": list(what.verbs)}
