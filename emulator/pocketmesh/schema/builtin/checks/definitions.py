"""CustomResourceDefinitions (upstream: apiextensions `pkg/apis/apiextensions/validation`).

Fields are named as upstream names them: what all versions have in common is reported under `spec`, as if
there were one version only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.builtin.checks import structure
from pocketmesh.schema.errors import FieldError

_SCOPES: Final = ("Cluster", "Namespaced")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = (
    *("binary", "bool", "byte", "date", "date-time", "double", "float", "int32", "int64", "password"),
)
_PROTECTED: Final = ("k8s.io", "kubernetes.io")
_APPROVAL: Final = "api-approved.kubernetes.io"


def definition(obj: Object, old: Object | None) -> list[FieldError]:
    """A CustomResourceDefinition; its names and its scope stay."""
    spec = obj["spec"]
    found = [*_name(obj), *_group(obj), *_scope(spec), *_versions(spec)]
    found += _names(spec["names"])
    if spec.get("preserveUnknownFields"):
        rule = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true "
            "in spec.versions[*].schema instead"
        )
        found.append(errors.invalid("spec.preserveUnknownFields", True, rule))
    found += _conversion(spec.get("conversion") or {})
    for at, version in _parts(spec, "schema", "validation"):
        document = version.get("openAPIV3Schema")
        if document is not None:
            found += structure.schema(document, f"{at}.openAPIV3Schema")
    for at, subresources in _parts(spec, "subresources", "subresources"):
        found += _scale(subresources.get("scale"), f"{at}.scale")
    for at, columns in _parts(spec, "additionalPrinterColumns", "additionalPrinterColumns"):
        for index, column in enumerate(columns):
            found += _column(column, f"{at}[{index}]")
    for at, fields in _parts(spec, "selectableFields", "selectableFields"):
        found += _selectable(fields, at)
    return found + (_changes(obj, old) if old is not None else [])


def _parts(spec: Object, part: str, common: str) -> Iterator[tuple[str, Any]]:
    """A part of each version with its field; once, under `spec`, where all versions agree."""
    versions = spec.get("versions") or []
    values = [version.get(part) for version in versions]
    if values and values[0] and all(value == values[0] for value in values):
        yield f"spec.{common}", values[0]
        return
    for index, value in enumerate(values):
        if value:
            yield f"spec.versions[{index}].{part}", value


def _name(obj: Object) -> Iterator[FieldError]:
    name, spec = obj["metadata"].get("name", ""), obj["spec"]
    if name != f"{spec['names'].get('plural', '')}.{spec.get('group', '')}":
        yield errors.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _group(obj: Object) -> Iterator[FieldError]:
    group = obj["spec"].get("group", "")
    if not group:
        yield errors.required("spec.group")
        return
    complaints = names.dns_subdomain(group)
    if complaints:
        yield errors.invalid("spec.group", group, ",".join(complaints))
    elif "." not in group:
        yield errors.invalid("spec.group", group, "should be a domain with at least one dot")
    guarded = any(group == domain or group.endswith(f".{domain}") for domain in _PROTECTED)
    if guarded and not (obj["metadata"].get("annotations") or {}).get(_APPROVAL):
        rule = (
            f'protected groups must have approval annotation "{_APPROVAL}", '
            "see https://github.com/kubernetes/enhancements/pull/1111"
        )
        yield errors.required(f"metadata.annotations[{_APPROVAL}]", rule)


def _scope(spec: Object) -> Iterator[FieldError]:
    scope = spec.get("scope", "")
    if not scope:
        yield errors.required("spec.scope")
    elif scope not in _SCOPES:
        yield errors.unsupported("spec.scope", scope, _SCOPES)


def _versions(spec: Object) -> Iterator[FieldError]:
    versions = spec.get("versions") or []
    for index, version in enumerate(versions):
        complaints = names.dns_1035_label(version.get("name", ""))
        if complaints:
            at = f"spec.versions[{index}].name"
            yield errors.invalid(at, version.get("name", ""), ",".join(complaints))
        if "openAPIV3Schema" not in (version.get("schema") or {}):
            at = f"spec.versions[{index}].schema.openAPIV3Schema"
            yield errors.required(at, "schemas are required")
    if len({version.get("name") for version in versions}) != len(versions):
        yield errors.invalid("spec.versions", versions, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        rule = "must have exactly one version marked as storage version"
        yield errors.invalid("spec.versions", versions, rule)


def _names(wanted: Object) -> Iterator[FieldError]:
    for part in ("plural", "singular", "kind", "listKind"):
        name = wanted.get(part) or ""
        if not name:
            yield errors.required(f"spec.names.{part}")
            continue
        complaints = names.dns_1035_label(name.lower() if part.lower().endswith("kind") else name)
        prefix = "may have mixed case, but should otherwise match: " if part.lower().endswith("kind") else ""
        if complaints:
            yield errors.invalid(f"spec.names.{part}", name, prefix + ",".join(complaints))
    if wanted.get("kind") and wanted.get("kind") == wanted.get("listKind"):
        rule = "kind and listKind may not be the same"
        yield errors.invalid("spec.names.listKind", wanted["listKind"], rule)
    for part in ("shortNames", "categories"):
        for index, name in enumerate(wanted.get(part) or ()):
            complaints = names.dns_1035_label(name)
            if complaints:
                yield errors.invalid(f"spec.names.{part}[{index}]", name, ",".join(complaints))


def _conversion(conversion: Object) -> Iterator[FieldError]:
    strategy = conversion.get("strategy", "None")
    if strategy not in ("None", "Webhook"):
        yield errors.unsupported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    elif strategy == "Webhook" and not (conversion.get("webhook") or {}).get("clientConfig"):
        rule = "required when strategy is set to Webhook"
        yield errors.required("spec.conversion.webhookClientConfig", rule)


def _scale(scale: Object | None, at: str) -> Iterator[FieldError]:
    if scale is None:
        return
    places = {
        "specReplicasPath": (".spec",),
        "statusReplicasPath": (".status",),
        "labelSelectorPath": (".status", ".spec"),
    }
    for part, roots in places.items():
        path = scale.get(part) or ""
        if not path and part != "labelSelectorPath":
            yield errors.required(f"{at}.{part}")
        elif path and not path.startswith("."):
            yield errors.invalid(f"{at}.{part}", path, "must be a simple json path starting with .")
        elif path and not path.startswith(tuple(f"{root}." for root in roots)):
            where = roots[0] if len(roots) == 1 else f"either {' or '.join(roots)}"
            yield errors.invalid(f"{at}.{part}", path, f"should be a json path under {where}")


def _column(column: Object, at: str) -> Iterator[FieldError]:
    if not column.get("name"):
        yield errors.required(f"{at}.name")
    kind, form, path = (column.get(part) or "" for part in ("type", "format", "jsonPath"))
    rule = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        yield errors.required(f"{at}.type", rule)
    elif kind not in _COLUMN_TYPES:
        yield errors.invalid(f"{at}.type", kind, rule)
    if form and form not in _COLUMN_FORMATS:
        yield errors.invalid(f"{at}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not path:
        yield errors.required(f"{at}.JSONPath")
    elif not path.startswith("."):
        yield errors.invalid(f"{at}.JSONPath", path, "must be a simple json path starting with .")


def _selectable(fields: Iterable[Object], at: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        path, place = field.get("jsonPath") or "", f"{at}[{index}].jsonPath"
        if not path:
            yield errors.required(place)
        elif path.startswith(".metadata."):
            yield errors.invalid(place, path, "must not point to fields in metadata")
        elif not path.startswith("."):
            yield errors.invalid(place, path, "must be a simple json path starting with .")
        if path and path in seen:
            yield errors.duplicate(place, path)
        seen.add(path)


def _changes(obj: Object, old: Object) -> list[FieldError]:
    spec, before = obj["spec"], old["spec"]
    fixed = {
        "spec.scope": (spec.get("scope"), before.get("scope")),
        "spec.names.kind": (spec["names"].get("kind"), before["names"].get("kind")),
        "spec.group": (spec.get("group"), before.get("group")),
        "spec.names.plural": (spec["names"].get("plural"), before["names"].get("plural")),
    }
    found = [
        errors.invalid(field, now, "field is immutable")
        for field, (now, then) in fixed.items()
        if now != then
    ]
    served = {version.get("name") for version in spec.get("versions") or ()}
    for index, version in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if version not in served:
            at = f"status.storedVersions[{index}]"
            found.append(errors.invalid(at, version, "must appear in spec.versions"))
    return found
