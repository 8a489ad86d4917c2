"""Every object of the cluster, durable, behind one revision counter."""

from pocketmesh.store.errors import Conflict, Exists, Expired, Missing, StoreError, StoreInUse, StoreUnusable
from pocketmesh.store.index import Index
from pocketmesh.store.records import Event, EventType, Key, Stored
from pocketmesh.store.store import Store
from pocketmesh.store.watch import Watch

__all__ = [
    "Conflict",
    "Event",
    "EventType",
    "Exists",
    "Expired",
    "Index",
    "Key",
    "Missing",
    "Store",
    "StoreError",
    "StoreInUse",
    "StoreUnusable",
    "Stored",
    "Watch",
]
