"""Manifests that a page shows without executing them, held against what a cluster serves.

What is executed or applied the cluster validates itself, strictly. What a page only shows nobody would notice
before a learner copies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labcheck.errors import Problem, did_you_mean
from labcheck.kube import ApiRefused, Cluster, Kind
from labcheck.kube.kinds import of
from labcheck.kube.manifests import fields_at
from labcheck.lab.pages import Page
from labcheck.yamltext import Document, Place, documents


def misspelt(page: Page, cluster: Cluster) -> Iterator[Problem]:
    """Kinds and fields in the page's `yaml` blocks that `cluster` does not know."""
    shown = [
        document
        for block in page.blocks
        if block.language in {"yaml", "yml"}
        for document in documents(page.path, "\n" * (block.line - 1) + block.text)
        if isinstance(document.data, dict) and {"apiVersion", "kind"} <= document.data.keys()
    ]
    if shown:
        cluster.kinds(again=True)
    for document in shown:
        yield from _in_document(document, cluster)


def _in_document(document: Document, cluster: Cluster) -> Iterator[Problem]:
    api_version, name = str(document.data["apiVersion"]), str(document.data["kind"])
    kind = of(cluster.kinds(), api_version, name)
    if kind is None:
        same = [it.kind for it in cluster.kinds() if it.api_version == api_version]
        versions = {it.api_version for it in cluster.kinds()}
        field, wrong, known = ("kind", name, same) if same else ("apiVersion", api_version, sorted(versions))
        text = f"The cluster serves no {field} `{wrong}`. {did_you_mean(wrong, known)}"
        yield Problem(document.path, document.line((field,)), text)
        return
    schemas = _schemas(cluster, kind)
    for place, valid in _unknown(schemas, kind, document.data, ()):
        inside = f" in {'.'.join(map(str, place[:-1]))}" if place[:-1] else ""
        text = f"{kind.kind} has no field `{place[-1]}`{inside}. {did_you_mean(str(place[-1]), valid)}"
        yield Problem(document.path, document.line(place), text)


def _unknown(schemas: Any, kind: Kind, value: Any, place: Place) -> Iterator[tuple[Place, list[str]]]:
    """The places whose field is none of those that the schema has there, with those."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(schemas, kind, item, (*place, index))
    elif isinstance(value, dict):
        valid = fields_at(schemas, kind, place)
        for key, item in value.items():
            if valid and key not in valid:
                yield (*place, key), valid
            else:
                yield from _unknown(schemas, kind, item, (*place, key))


def _schemas(cluster: Cluster, kind: Kind) -> Any:
    root = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
    try:
        answer = cluster.connection.request("GET", f"/openapi/v3/{root}")
    except ApiRefused:
        return {}
    return answer.get("components", {}).get("schemas", {})
