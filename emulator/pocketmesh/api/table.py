"""Objects as `meta.k8s.io/v1 Table`, the form in which `kubectl get` reads them, and as metadata only.

Source: k8s.io/apimachinery metav1.Table and k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

import orjson

from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind
from pocketmesh.store import Stored

Include: TypeAlias = Literal["None", "Metadata", "Object"]

META: str = "meta.k8s.io/v1"


def table(
    kind: Kind,
    rows: Iterable[Stored],
    metadata: Object,
    *,
    include: Include,
    now: datetime,
    headed: bool = True,
    version: str = META,
) -> Object:
    """The rows of some objects, ready for orjson; `headed` says whether the columns are described."""
    columns = kind.columns
    found: Object = {"kind": "Table", "apiVersion": version, "metadata": metadata}
    found["columnDefinitions"] = (
        [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            }
            for column in columns
        ]
        if headed
        else []
    )
    found["rows"] = [
        {
            "cells": [column.cell(stored.object, now) for column in columns],
            "object": _included(stored, include),
        }
        for stored in rows
    ]
    return found


def metadata_only(obj: Object, version: str = META) -> Object:
    """A `PartialObjectMetadata`."""
    return {"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": obj.get("metadata", {})}


def _included(stored: Stored, include: Include) -> object:
    match include:
        case "Object":
            return orjson.Fragment(stored.body)
        case "Metadata":
            return metadata_only(stored.object)
        case "None":
            return None
