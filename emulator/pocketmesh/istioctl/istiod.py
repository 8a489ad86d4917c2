"""What istiod's pods answer."""

from __future__ import annotations

import json
from typing import Any, Final

from pocketmesh.objects import Object, is_true, name_of
from pocketmesh.remote.api import Api

_MONITORING: Final = 15014


def istiods(api: Api, namespace: str) -> list[Object]:
    """The pods of istiod that are ready."""
    found = api.all("v1", "Pod", namespace, "app=istiod")
    return [pod for pod in found if pod["status"].get("phase") == "Running" and is_true(pod, "Ready")]


def version(api: Api, pod: Object) -> dict[str, str]:
    """The build of one istiod, whose answer is its version, revision and state in one."""
    said = api.page(pod, _MONITORING, "version").decode().strip()
    number, revision, status = (*said.split("-"), "", "")[:3]
    return {"version": number, "revision": revision, "golang_version": "", "status": status, "tag": number}


def proxies(api: Api, namespace: str) -> list[dict[str, Any]]:
    """The proxies that are connected, each with the istiod that it is connected to (`istiod`), by name."""
    found: dict[str, dict[str, Any]] = {}
    for pod in istiods(api, namespace):
        for entry in json.loads(api.page(pod, _MONITORING, "debug/syncz")):
            found.setdefault(entry["proxy"], {**entry, "istiod": name_of(pod)})
    return [found[name] for name in sorted(found)]
