"""The files that a pod's volumes put into a container, as bytes by path.

A volume's content is what it was when the container started; hostPath, emptyDir and claims are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pocketmesh.node.environment import Lookup, PodFields, Unresolvable, contents, resource_value
from pocketmesh.objects import Object, namespace_of

TokenSource: TypeAlias = Callable[[Object, str, int], str]
"""(pod, audience, seconds) → a token of the pod's ServiceAccount; the audience is "" for the API's own."""

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS = 3607


def mounted_files(
    pod: Object, container: Object, fields: PodFields, lookup: Lookup, token: TokenSource
) -> dict[str, bytes]:
    """Every file of every volume mount, and the ServiceAccount's unless the pod declines it.

    Raises Unresolvable for a missing ConfigMap, Secret or key that is not optional.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    found: dict[str, bytes] = {}
    if wants_account(pod, container, lookup):
        found.update(_under(ACCOUNT, _account(pod, lookup, token)))
    for mount in container.get("volumeMounts") or []:
        volume = volumes.get(mount["name"])
        if volume is None:
            continue
        files = _content(pod, volume, fields, lookup, token)
        if mount.get("subPath"):
            files = _below(files, mount["subPath"])
        found.update(_under(mount["mountPath"], files))
    return found


def wants_account(pod: Object, container: Object, lookup: Lookup) -> bool:
    """Whether the ServiceAccount's token is mounted (plugin/pkg/admission/serviceaccount)."""
    if any(mount["mountPath"] == ACCOUNT for mount in container.get("volumeMounts") or []):
        return False
    asked = pod["spec"].get("automountServiceAccountToken")
    if asked is None:
        name = pod["spec"].get("serviceAccountName", "default")
        account = lookup("serviceaccounts", namespace_of(pod), name)
        asked = (account or {}).get("automountServiceAccountToken")
    return asked is not False


def _account(pod: Object, lookup: Lookup, token: TokenSource) -> dict[str, bytes]:
    roots = lookup("configmaps", namespace_of(pod), "kube-root-ca.crt")
    return {
        "token": token(pod, "", _TOKEN_SECONDS).encode(),
        "ca.crt": contents(roots).get("ca.crt", b"") if roots else b"",
        "namespace": namespace_of(pod).encode(),
    }


def _content(
    pod: Object, volume: Object, fields: PodFields, lookup: Lookup, token: TokenSource
) -> dict[str, bytes]:
    if "configMap" in volume:
        source = volume["configMap"]
        return _object(pod, "configmaps", source.get("name", ""), source, lookup)
    if "secret" in volume:
        source = volume["secret"]
        return _object(pod, "secrets", source.get("secretName", ""), source, lookup)
    if "downwardAPI" in volume:
        return _downward(pod, volume["downwardAPI"], fields)
    found: dict[str, bytes] = {}
    for source in (volume.get("projected") or {}).get("sources") or []:
        if "configMap" in source:
            each = source["configMap"]
            found.update(_object(pod, "configmaps", each.get("name", ""), each, lookup))
        elif "secret" in source:
            each = source["secret"]
            found.update(_object(pod, "secrets", each.get("name", ""), each, lookup))
        elif "downwardAPI" in source:
            found.update(_downward(pod, source["downwardAPI"], fields))
        elif "serviceAccountToken" in source:
            each = source["serviceAccountToken"]
            seconds = each.get("expirationSeconds", 3600)
            found[each["path"]] = token(pod, each.get("audience", ""), seconds).encode()
    return found


def _object(pod: Object, resource: str, name: str, source: Object, lookup: Lookup) -> dict[str, bytes]:
    obj = lookup(resource, namespace_of(pod), name)
    if obj is None:
        if source.get("optional"):
            return {}
        raise Unresolvable(f'{resource.removesuffix("s")} "{name}" not found')
    data = contents(obj)
    items = source.get("items")
    if not items:
        return data
    missing = [item["key"] for item in items if item["key"] not in data]
    if missing and not source.get("optional"):
        raise Unresolvable(f"references non-existent {resource.removesuffix('s')} key: {missing[0]}")
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data}


def _downward(pod: Object, source: Object, fields: PodFields) -> dict[str, bytes]:
    found = {}
    for item in source.get("items") or []:
        if "fieldRef" in item:
            found[item["path"]] = fields.field(item["fieldRef"]["fieldPath"]).encode()
        elif "resourceFieldRef" in item:
            value = resource_value(item["resourceFieldRef"], pod["spec"]["containers"])
            found[item["path"]] = value.encode()
    return found


def _under(directory: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    base = directory.rstrip("/")
    return {f"{base}/{path}" if path else base: data for path, data in files.items()}


def _below(files: Mapping[str, bytes], path: str) -> dict[str, bytes]:
    """What a `subPath` shows: one file, or what is in a directory."""
    if path in files:
        return {"": files[path]}
    inside = f"{path.rstrip('/')}/"
    return {name.removeprefix(inside): data for name, data in files.items() if name.startswith(inside)}
