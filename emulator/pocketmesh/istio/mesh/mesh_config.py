"""The mesh's own settings: the key `mesh` of the ConfigMap `istio`, read once.

Only what something here acts on is taken. Text that is no such configuration leaves the defaults, as an
istiod that cannot read it keeps what it had.
Source: istio/api mesh/v1alpha1/config.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import yaml

from pocketmesh.objects import Object

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_A_KIND: Final = "name"


@dataclass(frozen=True, slots=True)
class ExtensionProvider:
    """Somebody outside the proxy who works for it: `kind` is the field that describes it, such as
    `envoyExtAuthzHttp`, `settings` that field's value."""

    name: str
    kind: str
    settings: Object


@dataclass(frozen=True, slots=True)
class MeshConfig:
    """The settings; `providers` are by name, `default_providers` names those of each sort of telemetry."""

    access_log_file: str = ""
    access_log_format: str = ""
    access_log_encoding: str = "TEXT"
    default_providers: Object = field(default_factory=dict)
    providers: Mapping[str, ExtensionProvider] = field(default_factory=dict)


@lru_cache(maxsize=4)
def mesh_config(text: str) -> MeshConfig:
    """The settings that a text in YAML gives."""
    try:
        found = _mapping(yaml.load(text, _Loader))
    except yaml.YAMLError:
        return MeshConfig()
    entries = found.get("extensionProviders")
    providers = [_provider(_mapping(entry)) for entry in entries] if isinstance(entries, list) else []
    return MeshConfig(
        access_log_file=str(found.get("accessLogFile") or ""),
        access_log_format=str(found.get("accessLogFormat") or ""),
        access_log_encoding=str(found.get("accessLogEncoding") or "TEXT"),
        default_providers=_mapping(found.get("defaultProviders")),
        providers={provider.name: provider for provider in providers},
    )


def _provider(entry: Object) -> ExtensionProvider:
    kind = next((key for key in entry if key != _NOT_A_KIND), "")
    return ExtensionProvider(str(entry.get("name", "")), kind, _mapping(entry.get(kind)))


def _mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}
