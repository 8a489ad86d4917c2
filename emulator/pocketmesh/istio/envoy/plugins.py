"""WasmPlugins and TrafficExtensions as Envoy's filters.

Lua runs as it is, without the libraries of the operating system, and so do WebAssembly modules that the proxy
has as files. Of modules in images there is a catalogue, each a stand-in with the module's configuration and
behaviour, as images of containers are; any other image cannot be fetched, because nothing leaves the machine.
What becomes of requests without a module is for the plugin to say.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pocketmesh.istio.envoy.confinement import confined_script
from pocketmesh.istio.envoy.wasm import wasm_filter
from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.plugins import Phase, Plugin
from pocketmesh.objects import Object

_UNAVAILABLE: Final = """function envoy_on_request(handle)
  handle:respond({[":status"] = "500"}, "")
end
"""
"""What Envoy does with requests when a filter has no configuration."""


def plugin_filters(plugins: Iterable[Plugin], phase: Phase) -> list[Json]:
    """The filters of one phase."""
    return [found for plugin in plugins if plugin.phase == phase for found in _filters(plugin)]


def missing_modules(plugins: Iterable[Plugin]) -> set[str]:
    """What to say of the modules that cannot be had."""
    unknown = f"it is not in the catalogue ({', '.join(sorted(_CATALOGUE))})"
    return {
        f"{plugin.name}: cannot fetch Wasm module {plugin.url}: "
        f"{plugin.module.problem if plugin.source else unknown}; "
        f"requests {'pass' if plugin.fails_open else 'are refused'}"
        for plugin in plugins
        if plugin.url and not plugin.module.path and _stand_in(plugin.url) is None
    }


def _filters(plugin: Plugin) -> Iterator[Json]:
    if plugin.module.path:
        yield wasm_filter(plugin)
    elif script := _script(plugin):
        source = {"inline_string": confined_script(script)}
        yield typed(plugin.name, "extensions.filters.http.lua.v3.Lua", default_source_code=source)


def _script(plugin: Plugin) -> str:
    if plugin.script:
        return plugin.script
    stand_in = _stand_in(plugin.url)
    if stand_in is not None:
        return stand_in(plugin.config)
    return "" if plugin.fails_open else _UNAVAILABLE


def _stand_in(url: str) -> Callable[[Object], str] | None:
    """That of a module by its image, whatever the tag; a URL without a scheme is an image too."""
    scheme, separator, rest = url.partition("://")
    image = rest if separator else url
    if separator and scheme != "oci":
        return None
    return _CATALOGUE.get(re.sub(r"(@sha256:[0-9a-f]+|:[^/:]+)$", "", image))


_BASIC_AUTH: Final = """local function matches(rule, path)
  if rule.how == "prefix" then return path:sub(1, #rule.value) == rule.value end
  if rule.how == "suffix" then return #rule.value == 0 or path:sub(-#rule.value) == rule.value end
  return path == rule.value
end
local function refuse(handle, why)
  local headers = {[":status"] = "401", ["www-authenticate"] = "Basic realm=" .. realm}
  handle:respond(headers, "Request denied by Basic Auth check. " .. why)
end
function envoy_on_request(handle)
  local path = (handle:headers():get(":path") or ""):match("^[^?]*")
  local method = handle:headers():get(":method")
  for _, rule in ipairs(rules) do
    if matches(rule, path) and rule.methods[method] then
      local token = (handle:headers():get("authorization") or ""):match("^Basic (.*)$")
      if token == nil then return refuse(handle, "No Basic authentication information found.") end
      if not rule.credentials[token] then return refuse(handle, "Invalid username and/or password") end
      return
    end
  end
end
"""


def _basic_auth(config: Object) -> str:
    """Requests to some paths need a name and a password.

    Source: https://istio.io/latest/docs/ambient/usage/extend-waypoint-wasm.
    """
    rules = [_basic_auth_rule(rule) for rule in config.get("basic_auth_rules") or ()]
    realm = _quoted('"{}"'.format(config.get("realm") or "istio"))
    return f"local realm = {realm}\nlocal rules = {{{', '.join(rules)}}}\n{_BASIC_AUTH}"


def _basic_auth_rule(rule: Object) -> str:
    how = next((kind for kind in ("prefix", "exact", "suffix") if kind in rule), "prefix")
    given = [str(one) for one in rule.get("credentials") or ()]
    # With a colon it is a name and a password, without one it is encoded already.
    known = [b64encode(one.encode()).decode() if ":" in one else one for one in given]
    return (
        f"{{how = {_quoted(how)}, value = {_quoted(str(rule.get(how, '')))}, "
        f"methods = {_set(rule.get('request_methods') or ())}, credentials = {_set(known)}}}"
    )


def _set(values: Iterable[object]) -> str:
    return f"{{{', '.join(f'[{_quoted(str(value))}] = true' for value in values)}}}"


def _quoted(text: str) -> str:
    """A string of Lua, in which no byte means anything."""
    return f'"{"".join(f"{chr(92)}{byte:03d}" for byte in text.encode())}"'


_CATALOGUE: Final[dict[str, Callable[[Object], str]]] = {
    "ghcr.io/istio-ecosystem/wasm-extensions/basic_auth": _basic_auth,
}
