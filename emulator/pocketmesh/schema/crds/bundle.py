"""Complete CustomResourceDefinition objects from the pages of a bundle.

A page has `types`, which all pages of its bundle share, and `kinds` of one API `group`. A kind says its
`versions` (`stored` or `served`), `columns` (`[TYPE] [wide] JSONPATH [-- DESCRIPTION]`), `short` name,
`scope` unless it is namespaced, and the `fields` that it has besides the metadata. `annotations` and `labels`
of any page go to every kind of the bundle. Names follow from the kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pocketmesh.objects import Object
from pocketmesh.schema.crds.notation import Types


def definitions(pages: Iterable[Object]) -> list[Object]:
    """The definitions of all kinds, ordered by name; NotationError when a page breaks the notation."""
    pages = list(pages)
    types = Types({name: node for page in pages for name, node in page.get("types", {}).items()})
    annotations = _merged(page.get("annotations") for page in pages)
    labels = _merged(page.get("labels") for page in pages)
    found = [
        _definition(page, kind, entry, types, annotations, labels)
        for page in pages
        for kind, entry in page.get("kinds", {}).items()
    ]
    return sorted(found, key=lambda definition: str(definition["metadata"]["name"]))


def _definition(
    page: Object, kind: str, entry: Object, types: Types, annotations: Object, labels: Object
) -> Object:
    group: str = page["group"]
    singular = kind.lower()
    plural = _plural(singular)
    names: Object = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular}
    if "short" in entry:
        names["shortNames"] = [entry["short"]]
    metadata: Object = {"name": f"{plural}.{group}", "annotations": annotations}
    if own := {**labels, **entry.get("labels", {})}:
        metadata["labels"] = own
    body: dict[str, Any] = {key: entry[key] for key in ("about", "fields") if key in entry}
    common: Object = {
        "schema": {"openAPIV3Schema": types.expand(body)},
        "subresources": {"status": {}} if "status" in entry["fields"] else {},
    }
    if "columns" in entry:
        common["additionalPrinterColumns"] = [_column(*column) for column in entry["columns"].items()]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": group,
            "names": {**names, "categories": page["categories"]},
            "scope": entry.get("scope", "Namespaced"),
            "versions": [
                {"name": version, "served": True, "storage": state == "stored", **common}
                for version, state in entry["versions"].items()
            ],
        },
    }


def _column(name: str, line: str) -> Object:
    words, _, description = line.partition(" -- ")
    *marks, path = words.split()
    column: Object = {"name": name, "type": "string", "jsonPath": path}
    for mark in marks:
        if mark == "wide":
            column["priority"] = 1
        else:
            column["type"] = mark
    if description:
        column["description"] = description
    return column


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("s") else "s")


def _merged(parts: Iterable[Object | None]) -> Object:
    return {key: value for part in parts for key, value in (part or {}).items()}
