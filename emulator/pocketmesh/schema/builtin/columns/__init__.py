"""Printer columns of the built-in kinds (upstream: kubernetes `pkg/printers/internalversion`).

Upstream's descriptions of the columns are left out: kubectl does not show them.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.schema.builtin.columns import access, cluster, networking, pods, workloads
from pocketmesh.schema.builtin.columns.cells import CREATED, NAME
from pocketmesh.schema.kind import Column

_BY_RESOURCE: Final[dict[str, tuple[Column, ...]]] = {
    **pods.COLUMNS,
    **workloads.COLUMNS,
    **networking.COLUMNS,
    **cluster.COLUMNS,
    **access.COLUMNS,
}


def columns(resource: str) -> tuple[Column, ...]:
    """The columns of a resource; name and time of creation for those without any of their own."""
    return _BY_RESOURCE.get(resource, (NAME, CREATED))
