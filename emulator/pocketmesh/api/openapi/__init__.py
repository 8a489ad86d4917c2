"""The served kinds as OpenAPI documents, version 2 and 3: for `kubectl explain`, `apply` and `diff`."""

from pocketmesh.api.openapi.library import Library

__all__ = ["Library"]
