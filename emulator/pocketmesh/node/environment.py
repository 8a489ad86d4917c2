"""A container's environment variables, worked out from the pod and what it refers to.

Pure but for reading objects. Follows pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and
third_party/forked/golang/expansion.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from math import ceil
from typing import TypeAlias

from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of, uid_of
from pocketmesh.schema.quantity import parse as quantity

Lookup: TypeAlias = Callable[[str, str, str], Object | None]
"""(resource, namespace, name) → the object."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Unresolvable(Exception):
    """A container refers to something that is not there (CreateContainerConfigError)."""


def environment(
    pod: Object, container: Object, fields: PodFields, services: Iterable[Object], lookup: Lookup
) -> dict[str, str]:
    """All variables of a container in the order of precedence that the kubelet gives them.

    Raises Unresolvable for a missing ConfigMap, Secret or key that is not optional.
    """
    namespace = namespace_of(pod)
    links = service_links(services, namespace, everything=pod["spec"].get("enableServiceLinks", True))
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for key, value in _whole(source, namespace, lookup).items():
            found[source.get("prefix", "") + key] = value
    for entry in container.get("env") or []:
        name, origin = entry["name"], entry.get("valueFrom")
        if origin:
            given = _value_from(origin, container, fields, namespace, lookup)
            if given is not None:
                found[name] = given
        else:
            found[name] = expand(entry.get("value", ""), {**links, **found})
    return {**links, **found}


class PodFields:
    """What the downward API can tell of a pod."""

    def __init__(self, pod: Object, ip: str, host_ip: str) -> None:
        self._pod = pod
        self._ip = ip
        self._host_ip = host_ip

    def field(self, path: str) -> str:
        """The value at a `fieldRef`'s path; an unknown one is empty (admission refuses those)."""
        spec, metadata = self._pod["spec"], self._pod["metadata"]
        if "[" in path:
            key = path.partition("[")[2].strip("]'\"")
            source = labels_of(self._pod) if ".labels" in path else annotations_of(self._pod)
            return source.get(key, "")
        match path:
            case "metadata.name":
                return name_of(self._pod)
            case "metadata.namespace":
                return namespace_of(self._pod)
            case "metadata.uid":
                return uid_of(self._pod)
            case "metadata.labels":
                return _lines(labels_of(self._pod))
            case "metadata.annotations":
                return _lines(metadata.get("annotations") or {})
            case "spec.nodeName":
                return str(spec.get("nodeName", ""))
            case "spec.serviceAccountName":
                return str(spec.get("serviceAccountName", "default"))
            case "status.podIP" | "status.podIPs":
                return self._ip
            case "status.hostIP" | "status.hostIPs":
                return self._host_ip
        return ""


def _lines(entries: dict[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))


def resource_value(reference: Object, containers: Iterable[Object], own: Object | None = None) -> str:
    """A `resourceFieldRef` as a whole number of its divisor; "0" where no limit or request is set."""
    name = reference.get("containerName")
    container = next((c for c in containers if c["name"] == name), own) if name else own
    kind, _, resource = reference["resource"].partition(".")
    amounts = ((container or {}).get("resources") or {}).get(kind) or {}
    divisor = quantity(reference.get("divisor") or "1") or quantity("1")
    return str(ceil(quantity(amounts.get(resource, "0")) / divisor))


def _value_from(
    origin: Object, container: Object, fields: PodFields, namespace: str, lookup: Lookup
) -> str | None:
    if "fieldRef" in origin:
        return fields.field(origin["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in origin:
        return resource_value(origin["resourceFieldRef"], [container], container)
    for source, resource, word in _SOURCES:
        reference = origin.get(source)
        if reference is None:
            continue
        obj = lookup(resource, namespace, reference["name"])
        if obj is None:
            if reference.get("optional"):
                return None
            raise Unresolvable(f'{word.lower()} "{reference["name"]}" not found')
        values = texts(obj)
        if reference["key"] in values:
            return values[reference["key"]]
        if reference.get("optional"):
            return None
        raise Unresolvable(f"couldn't find key {reference['key']} in {word} {namespace}/{reference['name']}")
    return ""


_SOURCES = (("configMapKeyRef", "configmaps", "ConfigMap"), ("secretKeyRef", "secrets", "Secret"))


def _whole(source: Object, namespace: str, lookup: Lookup) -> dict[str, str]:
    for field, resource, word in (
        ("configMapRef", "configmaps", "configmap"),
        ("secretRef", "secrets", "secret"),
    ):
        reference = source.get(field)
        if reference is not None:
            obj = lookup(resource, namespace, reference["name"])
            if obj is None and not reference.get("optional"):
                raise Unresolvable(f'{word} "{reference["name"]}" not found')
            return texts(obj) if obj else {}
    return {}


def contents(obj: Object) -> dict[str, bytes]:
    """The data of a ConfigMap or a Secret."""
    if obj.get("kind") == "Secret":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {**plain, **binary}


def texts(obj: Object) -> dict[str, str]:
    """The data of a ConfigMap or a Secret as text."""
    return {key: value.decode(errors="replace") for key, value in contents(obj).items()}


_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")


def expand(text: str, variables: dict[str, str]) -> str:
    """`$(NAME)` replaced where NAME is known; `$$(NAME)` is the escape."""

    def replace(match: re.Match[str]) -> str:
        if match.group(1) == "$":
            return "$"
        return variables.get(match.group(2), match.group(0))

    return _REFERENCE.sub(replace, text)


def service_links(services: Iterable[Object], namespace: str, *, everything: bool) -> dict[str, str]:
    """The variables that name Services: always the API's, and those of the pod's namespace unless it
    declines (pkg/kubelet/envvars/envvars.go)."""
    found: dict[str, str] = {}
    for service in services:
        is_api = (namespace_of(service), name_of(service)) == ("default", "kubernetes")
        ip, ports = service["spec"].get("clusterIP"), service["spec"].get("ports") or []
        if (
            not ip
            or ip == "None"
            or not ports
            or not (is_api or (everything and namespace_of(service) == namespace))
        ):
            continue
        stem = name_of(service).upper().replace("-", "_")
        found[f"{stem}_SERVICE_HOST"] = ip
        found[f"{stem}_SERVICE_PORT"] = str(ports[0]["port"])
        first = ports[0]
        found[f"{stem}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{ip}:{first['port']}"
        for port in ports:
            if port.get("name"):
                found[f"{stem}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            protocol = port.get("protocol", "TCP")
            exact = f"{stem}_PORT_{port['port']}_{protocol}"
            found[exact] = f"{protocol.lower()}://{ip}:{port['port']}"
            found[f"{exact}_PROTO"] = protocol.lower()
            found[f"{exact}_PORT"] = str(port["port"])
            found[f"{exact}_ADDR"] = ip
    return found
