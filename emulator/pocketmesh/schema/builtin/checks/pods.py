"""Pods, in themselves and in templates (upstream: `pkg/apis/core/validation`)."""

from __future__ import annotations

import difflib
from typing import Any, Final

import orjson

from pocketmesh.objects import Object
from pocketmesh.schema import errors, metadata, names
from pocketmesh.schema.errors import FieldError

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_CHANGEABLE: Final = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)
# Of a pod's spec these may change, within rules of their own.
_FREE: Final = ("activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers")


def pod(obj: Object, old: Object | None) -> list[FieldError]:
    """A Pod; of a running one little may change."""
    found = spec(obj["spec"], "spec")
    if old is not None:
        _changes(obj["spec"], old.get("spec", {}), found)
    return found


def template(obj: Object, field: str) -> list[FieldError]:
    """A pod template."""
    found = metadata.labels(obj["metadata"].get("labels", {}), f"{field}.labels")
    return found + spec(obj["spec"], f"{field}.spec")


def spec(pod_spec: Object, field: str) -> list[FieldError]:
    """A PodSpec."""
    found: list[FieldError] = []
    volumes = _volumes(pod_spec.get("volumes", ()), f"{field}.volumes", found)
    containers = pod_spec.get("containers", ())
    if not containers:
        found.append(errors.required(f"{field}.containers"))
    taken: set[str] = set()
    for name in ("containers", "initContainers"):
        for index, container in enumerate(pod_spec.get(name, ())):
            at = f"{field}.{name}[{index}]"
            _container(container, at, volumes, found)
            _unique(container.get("name"), f"{at}.name", taken, found)
    if pod_spec["restartPolicy"] not in _RESTART_POLICIES:
        found.append(
            errors.unsupported(f"{field}.restartPolicy", pod_spec["restartPolicy"], _RESTART_POLICIES)
        )
    account = pod_spec.get("serviceAccountName", "")
    if account:
        found += _named(account, names.dns_subdomain, f"{field}.serviceAccountName")
    return found


def _volumes(volumes: Any, field: str, found: list[FieldError]) -> set[str]:
    taken: set[str] = set()
    for index, volume in enumerate(volumes):
        at, name = f"{field}[{index}].name", volume.get("name", "")
        found += _named(name, names.dns_label, at)
        _unique(name, at, taken, found)
    return taken


def _container(container: Object, at: str, volumes: set[str], found: list[FieldError]) -> None:
    found += _named(container.get("name", ""), names.dns_label, f"{at}.name")
    if not container.get("image"):
        found.append(errors.required(f"{at}.image"))
    _ports(container.get("ports", ()), f"{at}.ports", found)
    for index, variable in enumerate(container.get("env", ())):
        _variable(variable, f"{at}.env[{index}]", found)
    _mounts(container.get("volumeMounts", ()), f"{at}.volumeMounts", volumes, found)
    if container["imagePullPolicy"] not in _PULL_POLICIES:
        policy = container["imagePullPolicy"]
        found.append(errors.unsupported(f"{at}.imagePullPolicy", policy, _PULL_POLICIES))
    for name in _PROBES:
        if name in container:
            _probe(container[name], f"{at}.{name}", found)


def _ports(ports: Any, field: str, found: list[FieldError]) -> None:
    taken: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"{field}[{index}]", port.get("name", "")
        if name:
            complaints = names.port_name(name)
            found += [errors.invalid(f"{at}.name", name, complaint) for complaint in complaints]
            if not complaints:
                _unique(name, f"{at}.name", taken, found)
        if not port.get("containerPort"):
            found.append(errors.required(f"{at}.containerPort"))
        for part in ("containerPort", "hostPort"):
            number = port.get(part)
            if number:
                complaints = names.port_number(number)
                found += [errors.invalid(f"{at}.{part}", number, complaint) for complaint in complaints]
        if port["protocol"] not in _PROTOCOLS:
            found.append(errors.unsupported(f"{at}.protocol", port["protocol"], _PROTOCOLS))


def _variable(variable: Object, at: str, found: list[FieldError]) -> None:
    found += _named(variable.get("name", ""), names.environment_variable, f"{at}.name")
    source = variable.get("valueFrom")
    if source is None:
        return
    given = [name for name in _SOURCES if name in source]
    if not given:
        choices = f"{', '.join(f'`{name}`' for name in _SOURCES[:-1])} or `{_SOURCES[-1]}`"
        found.append(errors.invalid(f"{at}.valueFrom", "", f"must specify one of: {choices}"))
    elif variable.get("value"):
        rule = "may not be specified when `value` is not empty"
        found.append(errors.invalid(f"{at}.valueFrom", "", rule))
    elif len(given) > 1:
        rule = "may not have more than one field specified at a time"
        found.append(errors.invalid(f"{at}.valueFrom", "", rule))


def _mounts(mounts: Any, field: str, volumes: set[str], found: list[FieldError]) -> None:
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        at, name, path = f"{field}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            found.append(errors.required(f"{at}.name"))
        if name not in volumes:
            found.append(errors.not_found(f"{at}.name", name))
        if not path:
            found.append(errors.required(f"{at}.mountPath"))
        if path in paths:
            found.append(errors.invalid(f"{at}.mountPath", path, "must be unique"))
        paths.add(path)


def _probe(probe: Object, at: str, found: list[FieldError]) -> None:
    given = [name for name in _HANDLERS if name in probe]
    if not given:
        found.append(errors.required(at, "must specify a handler type"))
    found += [
        errors.forbidden(f"{at}.{name}", "may not specify more than 1 handler type") for name in given[1:]
    ]
    for name in given[:1]:
        if name in ("httpGet", "tcpSocket"):
            found += port_reference(probe[name].get("port", 0), f"{at}.{name}.port")
    for part in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        if probe.get(part, 0) < 0:
            found.append(errors.invalid(f"{at}.{part}", probe[part], "must be greater than or equal to 0"))


def port_reference(port: int | str, field: str) -> list[FieldError]:
    """A port's number or name."""
    complaints = names.port_number(port) if isinstance(port, int) else names.port_name(port)
    return [errors.invalid(field, port, complaint) for complaint in complaints]


def _named(name: str, rule: metadata.NameRule, field: str) -> list[FieldError]:
    if not name:
        return [errors.required(field)]
    return [errors.invalid(field, name, complaint) for complaint in rule(name)]


def _unique(name: str | None, field: str, taken: set[str], found: list[FieldError]) -> None:
    if name and name in taken:
        found.append(errors.duplicate(field, name))
    elif name:
        taken.add(name)


def _changes(new: Object, old: Object, found: list[FieldError]) -> None:
    for name in ("containers", "initContainers"):
        if len(new.get(name, ())) != len(old.get(name, ())):
            rule = "pod updates may not add or remove containers"
            found.append(errors.forbidden(f"spec.{name}", rule))
            return
    _deadline(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"), found)
    timeless = [{**each, "tolerationSeconds": None} for each in new.get("tolerations", ())]
    if any({**each, "tolerationSeconds": None} not in timeless for each in old.get("tolerations", ())):
        rule = "existing toleration can not be modified except its tolerationSeconds"
        found.append(errors.forbidden("spec.tolerations", rule))
    munged = _munged(new, old)
    if munged != old:
        rule = f"pod updates may not change fields other than {','.join(_CHANGEABLE)}"
        found.append(errors.forbidden("spec", f"{rule}\n{_difference(munged, old)}"))


def _deadline(new: int | None, old: int | None, found: list[FieldError]) -> None:
    field = "spec.activeDeadlineSeconds"
    if new is None and old is not None:
        rule = "must not update from a positive integer to nil value"
        found.append(errors.invalid(field, new, rule))
    elif new is not None and old is not None and new > old:
        found.append(errors.invalid(field, new, "must be less than or equal to previous value"))


def _munged(new: Object, old: Object) -> Object:
    """The new spec with what may change as it was."""
    munged = {name: value for name, value in new.items() if name not in _FREE}
    munged |= {name: old[name] for name in _FREE if name in old}
    for name in ("containers", "initContainers"):
        if name in new:
            before = old.get(name, ())
            munged[name] = [
                {**container, "image": was.get("image"), "imagePullPolicy": was.get("imagePullPolicy")}
                for container, was in zip(new[name], before, strict=True)
            ]
    return munged


def _difference(new: Object, old: Object) -> str:
    """As k8s.io/apimachinery/pkg/util/diff shows it, but with the fields' names in JSON."""

    def lines(spec: Object) -> list[str]:
        return orjson.dumps(spec, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode().split("\n")

    return "\n".join([*difflib.unified_diff(lines(new), lines(old), lineterm="")][2:])
