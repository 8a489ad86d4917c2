"""Label and field selectors: text in, a predicate on objects out.

The grammar is that of k8s.io/apimachinery/pkg/labels and …/fields; which fields may be selected
depends on the resource, as in the strategies of kube-apiserver. Nothing here reads the store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pocketmesh.api.errors import bad_request
from pocketmesh.objects import Object, labels_of

_TERM = re.compile(
    r"""\s*(?:
      (?P<absent>!)\s*(?P<absent_key>[^\s,=!()]+)
    | (?P<set_key>[^\s,=!()]+)\s+(?P<set_operator>in|notin)\s*\((?P<values>[^()]*)\)
    | (?P<key>[^\s,=!()<>]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s,=!()]*)
    | (?P<number_key>[^\s,=!()<>]+)\s*(?P<comparison>[<>])\s*(?P<number>-?\d+)
    | (?P<present>[^\s,=!()<>]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector; `operator` is in, notin, exists, !, > or <."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """An absent label is `notin` anything, as upstream has it."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return self.key in labels
            case "!":
                return self.key not in labels
        if value is None or not re.fullmatch(r"-?\d+", value):
            return False
        (limit,) = self.values
        return int(value) > int(limit) if self.operator == ">" else int(value) < int(limit)


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The terms of a label selector. Raises ApiError 400."""
    found: list[Requirement] = []
    position = 0
    if not text.strip():
        return ()
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or term.end() == position:
            raise bad_request(f'unable to parse requirement: found "{text[position:].strip()}" in "{text}"')
        found.append(_requirement(term))
        position = term.end()
    return tuple(found)


def _requirement(term: re.Match[str]) -> Requirement:
    if term["absent"]:
        return Requirement(term["absent_key"], "!")
    if term["set_operator"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Requirement(term["set_key"], term["set_operator"], values)
    if term["operator"]:
        operator = "notin" if term["operator"] == "!=" else "in"
        return Requirement(term["key"], operator, frozenset({term["value"]}))
    if term["comparison"]:
        return Requirement(term["number_key"], term["comparison"], frozenset({term["number"]}))
    return Requirement(term["present"], "exists")


_OPERATORS: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def of_selector(selector: Object) -> tuple[Requirement, ...]:
    """The terms of a LabelSelector as it stands in an object; an empty one has none and so selects all."""
    equal = (selector.get("matchLabels") or {}).items()
    return (
        *(Requirement(key, "in", frozenset({value})) for key, value in equal),
        *(
            Requirement(term["key"], _OPERATORS[term["operator"]], frozenset(term.get("values") or ()))
            for term in selector.get("matchExpressions") or ()
        ),
    )


def selects_labels(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects labels; an empty one selects all, an absent one nothing
    (k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go)."""
    return selector is not None and all(term.matches(labels) for term in of_selector(selector))


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """One term of a field selector."""

    path: str
    value: str
    equal: bool

    def matches(self, obj: Object) -> bool:
        """An absent field is the empty string, as in upstream's field sets."""
        return (_text_at(obj, self.path) == self.value) is self.equal


_EVERYWHERE: Final = ("metadata.name", "metadata.namespace")
_SELECTABLE: Final[dict[str, tuple[str, ...]]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "certificatesigningrequests.certificates.k8s.io": ("spec.signerName",),
}
_ELSEWHERE: Final = {"source": "source.component", "status.successful": "status.succeeded"}


def selectable_fields(resource: str) -> tuple[str, ...]:
    """The field paths that a built-in resource can be selected by."""
    return (*_EVERYWHERE, *_SELECTABLE.get(resource, ()))


def parse_fields(text: str, allowed: tuple[str, ...]) -> tuple[FieldTerm, ...]:
    """The terms of a field selector. Raises ApiError 400 for a field that is not `allowed`."""
    found: list[FieldTerm] = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        parts = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", term)
        if parts is None:
            raise bad_request(f'invalid selector: "{text}"; can\'t understand "{term}"')
        path, operator, value = parts.groups()
        if path not in allowed:
            raise bad_request(
                f"field label not supported: {path}"
                if len(allowed) > len(_EVERYWHERE)
                else f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        found.append(FieldTerm(path, value, operator != "!="))
    return tuple(found)


def _text_at(obj: Object, path: str) -> str:
    value: object = obj
    for name in _ELSEWHERE.get(path, path).split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a resource a list or a watch is about."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.fields)

    def matches(self, obj: Object) -> bool:
        """Whether all terms hold."""
        if self.labels:
            labels = labels_of(obj)
            if not all(requirement.matches(labels) for requirement in self.labels):
                return False
        return all(term.matches(obj) for term in self.fields)


EVERYTHING: Final = Selection()
