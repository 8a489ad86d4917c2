"""What says how much there may be: quotas, limits, claims on storage.

Upstream: kubernetes `pkg/apis/core/validation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.quantity import parse

_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_QUOTA: Final = frozenset(
    {
        *_COMPUTE,
        *(f"requests.{name}" for name in (*_COMPUTE, "storage")),
        *(f"limits.{name}" for name in _COMPUTE),
        *("pods", "services", "services.nodeports", "services.loadbalancers", "resourcequotas"),
        *("secrets", "configmaps", "replicationcontrollers", "persistentvolumeclaims"),
    }
)
_EXTENDED: Final = ("requests.hugepages-", "requests.", "hugepages-")
_SCOPES: Final = frozenset(
    {
        *("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass"),
        *("CrossNamespacePodAffinity", "VolumeAttributesClass"),
    }
)
_EXCLUSIVE: Final = ({"Terminating", "NotTerminating"}, {"BestEffort", "NotBestEffort"})
_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES: Final = ("Block", "Filesystem")
_CHANGEABLE_CLAIM: Final = ("resources", "volumeAttributesClassName", "volumeName")


def resource_quota(obj: Object, old: Object | None) -> list[FieldError]:
    """A ResourceQuota; its scopes stay."""
    spec = obj.get("spec") or {}
    found: list[FieldError] = []
    for name, amount in (spec.get("hard") or {}).items():
        field = f"spec.hard[{name}]"
        if "/" not in name and name not in _QUOTA and not name.startswith(_EXTENDED):
            found.append(errors.invalid(field, name, "must be a standard resource for quota"))
        found += [errors.invalid(field, name, complaint) for complaint in _qualified(name)]
        found += _not_negative(amount, field)
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            found.append(errors.invalid("spec.scopes", scopes, "unsupported scope"))
    if any(pair <= {*scopes} for pair in _EXCLUSIVE):
        found.append(errors.invalid("spec.scopes", scopes, "conflicting scopes"))
    if old is not None and sorted((old.get("spec") or {}).get("scopes") or []) != sorted(scopes):
        found.append(errors.invalid("spec.scopes", scopes, "field is immutable"))
    return found


def limit_range(obj: Object, _old: Object | None) -> list[FieldError]:
    """A LimitRange."""
    found: list[FieldError] = []
    taken: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        at, kind = f"spec.limits[{index}]", item.get("type") or ""
        if kind in taken:
            found.append(errors.duplicate(f"{at}.type", kind))
        taken.add(kind)
        found += _limits(item, kind, at)
    return found


def claim(obj: Object, old: Object | None) -> list[FieldError]:
    """A PersistentVolumeClaim; what it asks for stays, except how much."""
    spec = obj["spec"]
    modes, asked = spec.get("accessModes") or [], (spec.get("resources") or {}).get("requests") or {}
    found: list[FieldError] = []
    if not modes:
        found.append(errors.required("spec.accessModes", "at least 1 access mode is required"))
    unknown = [mode for mode in modes if mode not in _ACCESS_MODES]
    found += [errors.unsupported("spec.accessModes", mode, _ACCESS_MODES) for mode in unknown]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        rule = "may not use ReadWriteOncePod with other access modes"
        found.append(errors.forbidden("spec.accessModes", rule))
    field = "spec.resources[storage]"
    if "storage" not in asked:
        found.append(errors.required(field))
    elif parse(asked["storage"]) <= 0:
        found.append(errors.invalid(field, asked["storage"], "must be greater than zero"))
    name = spec.get("storageClassName")
    if name:
        complaints = names.dns_subdomain(name)
        found += [errors.invalid("spec.storageClassName", name, complaint) for complaint in complaints]
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _VOLUME_MODES:
        found.append(errors.unsupported("spec.volumeMode", mode, _VOLUME_MODES))
    return found + (_claim_changes(spec, old) if old is not None else [])


def _claim_changes(spec: Object, old: Object) -> list[FieldError]:
    before = old["spec"]
    fixed = [{*spec, *before} - {*_CHANGEABLE_CLAIM}]
    if any(spec.get(part) != before.get(part) for part in fixed[0]):
        rule = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName "
            "for bound claims"
        )
        return [errors.forbidden("spec", rule)]
    now, then = ((each.get("resources") or {}).get("requests") or {} for each in (spec, before))
    if parse(now.get("storage", 0)) < parse(then.get("storage", 0)):
        rule = "field can not be less than status.capacity"
        return [errors.forbidden("spec.resources.requests.storage", rule)]
    return []


def _limits(item: Object, kind: str, at: str) -> Iterator[FieldError]:
    if not kind:
        yield errors.required(f"{at}.type")
    low, high = item.get("min") or {}, item.get("max") or {}
    given, asked = item.get("default") or {}, item.get("defaultRequest") or {}
    if kind == "Pod":
        for part in ("default", "defaultRequest"):
            if item.get(part):
                yield errors.forbidden(f"{at}.{part}", "may not be specified when `type` is 'Pod'")
    if kind == "PersistentVolumeClaim" and "storage" not in low and "storage" not in high:
        rule = "either minimum or maximum storage value is required, but neither was provided"
        yield errors.required(f"{at}.limits", rule)
    pairs = (
        (low, high, "min", "min value {} is greater than max value {}"),
        (low, asked, "defaultRequest", "min value {} is greater than default request value {}"),
        (asked, high, "defaultRequest", "default request value {} is greater than max value {}"),
        (asked, given, "defaultRequest", "default request value {} is greater than default limit value {}"),
        (low, given, "default", "min value {} is greater than default value {}"),
        (given, high, "default", "default value {} is greater than max value {}"),
    )
    for small, large, part, rule in pairs:
        for name in small.keys() & large.keys():
            if parse(small[name]) > parse(large[name]):
                shown = (large if small is low and part != "min" else small)[name]
                said = rule.format(small[name], large[name])
                yield errors.invalid(f"{at}.{part}[{name}]", shown, said)
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        if parse(ratio) < 1:
            rule = f"ratio {ratio} is less than 1"
            yield errors.invalid(f"{at}.maxLimitRequestRatio[{name}]", ratio, rule)


def _qualified(name: str) -> list[str]:
    return names.label_key(name)


def _not_negative(amount: str, field: str) -> list[FieldError]:
    if parse(amount) >= 0:
        return []
    return [errors.invalid(field, amount, "must be greater than or equal to 0")]
