"""The files that ConfigMaps, Secrets, the downward API and tokens put into a volume.

Pure but for reading objects. Follows pkg/volume/{configmap,secret,downwardapi,projected}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from pocketmesh.node.environment import Lookup, PodFields, Unresolvable, contents, resource_value
from pocketmesh.node.files import USUAL, File
from pocketmesh.objects import Object, namespace_of

TokenSource: TypeAlias = Callable[[Object, str, int], str]
"""(pod, audience, seconds) → a token of the pod's ServiceAccount; the audience is "" for the API's own."""

_RESOURCES: Final = {"configMap": "configmaps", "secret": "secrets"}
_NO_KEY: Final = {
    "configMap": "configmap references non-existent config key: ",
    "secret": "references non-existent secret key: ",
}
_TOKEN_SECONDS: Final = 3600


def sources(volume: Object) -> list[tuple[str, Object]]:
    """What a volume is filled from, as (kind of source, source); empty for one that has files of its own."""
    if "projected" in volume:
        given = volume["projected"].get("sources") or []
        return [(kind, source) for each in given for kind, source in each.items()]
    if "secret" in volume:
        return [("secret", {**volume["secret"], "name": volume["secret"].get("secretName", "")})]
    return [(kind, volume[kind]) for kind in ("configMap", "downwardAPI") if kind in volume]


def mentioned(volume: Object) -> Iterator[tuple[str, str]]:
    """The objects that fill it, as (resource, name)."""
    for kind, source in sources(volume):
        if kind in _RESOURCES:
            yield _RESOURCES[kind], source.get("name", "")


def rendered(
    pod: Object, volume: Object, fields: PodFields, lookup: Lookup, token: TokenSource
) -> dict[str, File]:
    """The volume's files by path. Raises Unresolvable for a missing object or key that is not optional."""
    found: dict[str, File] = {}
    shape = volume.get("projected") or volume.get("configMap") or volume.get("secret")
    usual = int((shape or volume.get("downwardAPI") or {}).get("defaultMode") or USUAL)
    for kind, source in sources(volume):
        if kind in _RESOURCES:
            found |= _of_object(pod, kind, source, usual, lookup)
        elif kind == "downwardAPI":
            found |= _downward(pod, source, usual, fields)
        elif kind == "serviceAccountToken":
            issued = token(pod, source.get("audience", ""), token_seconds(source))
            found[f"/{source['path']}"] = File(issued.encode(), usual)
    return found


def token_seconds(source: Object) -> int:
    """How long the token of a projection lasts."""
    return int(source.get("expirationSeconds") or _TOKEN_SECONDS)


def _of_object(pod: Object, kind: str, source: Object, usual: int, lookup: Lookup) -> dict[str, File]:
    obj = lookup(_RESOURCES[kind], namespace_of(pod), source.get("name", ""))
    if obj is None:
        if source.get("optional"):
            return {}
        raise Unresolvable(f'{kind.lower()} "{source.get("name", "")}" not found')
    data = contents(obj)
    items = source.get("items") or [{"key": key, "path": key} for key in data]
    missing = next((item["key"] for item in items if item["key"] not in data), None)
    if missing is not None and not source.get("optional"):
        raise Unresolvable(f"{_NO_KEY[kind]}{missing}")
    return {
        f"/{item['path']}": File(data[item["key"]], item.get("mode") or usual)
        for item in items
        if item["key"] in data
    }


def _downward(pod: Object, source: Object, usual: int, fields: PodFields) -> dict[str, File]:
    found = {}
    for item in source.get("items") or []:
        if "fieldRef" in item:
            value = fields.field(item["fieldRef"]["fieldPath"])
        else:
            value = resource_value(item["resourceFieldRef"], pod["spec"]["containers"])
        found[f"/{item['path']}"] = File(value.encode(), item.get("mode") or usual)
    return found
