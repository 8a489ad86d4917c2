"""A WebAssembly module as Envoy's filter. Upstream: istio/istio pilot/pkg/model/extensions.go."""

from __future__ import annotations

from typing import Final

import orjson

from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.plugins import Plugin

_POLICIES: Final = {"FAIL_OPEN": "FAIL_OPEN", "FAIL_RELOAD": "FAIL_RELOAD"}


def wasm_filter(plugin: Plugin) -> Json:
    """The filter that runs a plugin's module in V8, configured with the plugin's own words as JSON."""
    machine: Json = {
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": plugin.module.path}},
    }
    if plugin.environment:
        machine["environment_variables"] = {"key_values": dict(plugin.environment)}
    config: Json = {
        "name": plugin.name,
        "root_id": plugin.root_id,
        "vm_config": machine,
        "failure_policy": _POLICIES.get(plugin.fail_strategy, "FAIL_CLOSED"),
    }
    if plugin.config:
        text = orjson.dumps(plugin.config).decode()
        config["configuration"] = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text}
    return typed(plugin.name, "extensions.filters.http.wasm.v3.Wasm", config=config)
