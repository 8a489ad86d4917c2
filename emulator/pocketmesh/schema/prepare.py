"""From a body that a client sent to an object that may be stored: decode, prune, default, validate.

What kube-apiserver's request handlers do between reading the body and asking the strategy. Metadata
that the server itself sets (uid, generation, managedFields) is not touched here.
"""

from __future__ import annotations

from dataclasses import dataclass

from pocketmesh.objects import Object
from pocketmesh.schema import metadata
from pocketmesh.schema.builtin.checks import check, name_rule
from pocketmesh.schema.builtin.defaults import fill_in
from pocketmesh.schema.builtin.definitions import OBJECT_META, definition
from pocketmesh.schema.decoding import decode
from pocketmesh.schema.defaulting import default
from pocketmesh.schema.errors import FieldError, Undecodable
from pocketmesh.schema.kind import Kind
from pocketmesh.schema.names import dns_subdomain
from pocketmesh.schema.pruning import prune
from pocketmesh.schema.validation import validate


@dataclass(frozen=True, slots=True)
class Prepared:
    """The object to store, the paths of fields nobody knows, and what is wrong with the rest."""

    object: Object
    unknown: list[str]
    errors: list[FieldError]


def prepare(kind: Kind, obj: Object, old: Object | None = None, *, proven: bool = False) -> Prepared:
    """Judges an object that is about to be created, or to replace `old`.

    One of a built-in kind that is `proven` is completed only. Raises Undecodable (answered with 400) when
    a value's type makes the body unreadable.
    """
    if kind.crd:
        obj, unknown = _decoded(kind, obj)
        obj = default(kind.schema, obj)
        errors = _metadata_errors(obj, old, dns_subdomain) + validate(kind.schema, obj, old)
        return Prepared(obj, unknown, errors)
    kept = _kept(obj, old)
    decoded, unknown = _decoded(kind, {field: value for field, value in obj.items() if field not in kept})
    decoded.setdefault("metadata", {})
    whole = {**decoded, **kept}
    obj = {field: whole[field] for field in {**obj, **whole} if field in whole}
    fill_in(kind.resource, obj)
    if proven:
        return Prepared(obj, unknown, [])
    errors = [] if kind.verbs == ("create",) else _metadata_errors(obj, old, name_rule(kind.resource))
    if "spec" in kept and "status" not in kept:
        return Prepared(obj, unknown, errors)
    return Prepared(obj, unknown, errors + check(kind.resource, obj, old))


def _kept(obj: Object, old: Object | None) -> Object:
    """The parts that are the stored ones themselves: they were judged when they were written."""
    if old is None:
        return {}
    return {
        field: value
        for field, value in obj.items()
        if field != "metadata" and isinstance(value, dict | list) and value is old.get(field)
    }


def _metadata_errors(obj: Object, old: Object | None, rule: metadata.NameRule) -> list[FieldError]:
    return metadata.check(obj["metadata"], rule, None if old is None else old.get("metadata", {}))


def _decoded(kind: Kind, obj: Object) -> tuple[Object, list[str]]:
    try:
        if not kind.crd:
            return decode(kind.schema, obj)
        pruned, unknown = prune(kind.schema, obj)
        at = (None, "metadata")
        decoded, unknown_metadata = decode(definition(OBJECT_META), obj.get("metadata", {}), at)
    except Undecodable as error:
        version = f'{kind.kind} in version "{kind.version}"'
        raise Undecodable(f"{version} cannot be handled as a {kind.kind}: {error}") from error
    return {**pruned, "metadata": decoded}, sorted([*unknown, *unknown_metadata])
