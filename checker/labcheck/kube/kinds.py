"""The kinds that a cluster serves, and finding one by the name a person uses for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labcheck.errors import did_you_mean

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""What /api and /apis answer everything at once for, since Kubernetes 1.30 (KEP-3352)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind in the version that the server prefers."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> str:
        """The name that means this kind and no other."""
        return f"{self.kind}.{self.group}"

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of one object, of a namespace's collection, or of the whole collection."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{middle}/{self.plural}" + (f"/{name}" if name else "")

    def called(self, name: str) -> bool:
        """Whether `name`, in whatever case, is one of this kind's names."""
        return name.casefold() in {self.kind.casefold(), self.plural, self.singular, *self.short_names}


def from_discovery(answer: Mapping[str, Any]) -> Iterator[Kind]:
    """The kinds in an APIGroupDiscoveryList, each in every version, preferred versions first."""
    for group in answer.get("items", ()):
        for version in group.get("versions", ()):
            for resource in version.get("resources", ()):
                response_kind = resource.get("responseKind") or {}
                yield Kind(
                    group=group.get("metadata", {}).get("name", ""),
                    version=version["version"],
                    kind=response_kind.get("kind", ""),
                    plural=resource["resource"],
                    singular=resource.get("singularResource", ""),
                    short_names=tuple(resource.get("shortNames", ())),
                    namespaced=resource.get("scope") == "Namespaced",
                )


def find(kinds: Iterable[Kind], name: str) -> Kind:
    """The kind called `name`, which may carry `.group`: `Gateway`, `gtw`, `gateways.networking.istio.io`.

    Raises LookupError when there is none, or when several groups have one and `name` does not say which.
    """
    known = list(kinds)
    plain, dot, group = name.partition(".")
    found = [kind for kind in known if kind.called(plain) and (not dot or kind.group == group)]
    groups = list(dict.fromkeys(kind.group for kind in found))
    if not found:
        names = [kind.kind for kind in known if not dot or kind.group == group] or [
            kind.key for kind in known
        ]
        raise LookupError(f"The cluster serves no kind `{name}`. {did_you_mean(plain, names)}")
    if len(groups) > 1 and "" not in groups:
        choices = " or ".join(f"`{found[0].kind}.{group}`" for group in sorted(groups))
        raise LookupError(f"Several groups have a kind `{name}`: say {choices}.")
    return next(kind for kind in found if kind.group == ("" if "" in groups else groups[0]))


def of(kinds: Sequence[Kind], api_version: str, kind: str) -> Kind | None:
    """The kind that a manifest names, in the manifest's version."""
    return next((it for it in kinds if it.api_version == api_version and it.kind == kind), None)
