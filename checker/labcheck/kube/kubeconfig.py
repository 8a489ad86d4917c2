"""Kubeconfigs made from another one. Written as JSON, which is YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def for_token(admin: Mapping[str, Any], user: str, token: str) -> str:
    """A kubeconfig that reaches the cluster of `admin` as `user` with `token`."""
    current = next(it["context"] for it in admin["contexts"] if it["name"] == admin["current-context"])
    cluster = next(it["cluster"] for it in admin["clusters"] if it["name"] == current["cluster"])
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": user, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": user, "user": user}}],
        }
    )


def with_namespace(admin: Mapping[str, Any], namespace: str) -> str:
    """The same kubeconfig with `namespace` as its current context's."""
    current = admin["current-context"]
    contexts = [
        {**it, "context": {**it["context"], "namespace": namespace}} if it["name"] == current else it
        for it in admin["contexts"]
    ]
    return json.dumps({**admin, "contexts": contexts})


def read(path: Path) -> Mapping[str, Any]:
    """The kubeconfig at `path` as plain data."""
    import yaml

    data: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data
