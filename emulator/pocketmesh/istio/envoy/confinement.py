"""What a patch may not do: reach files, programs and networks of the machine that all of this runs on.

Envoy itself would do it. Objects in the emulated cluster are data, though, and nothing there leaves the
machine or runs on it, so such patches are refused and said to be; Lua runs without the libraries of the
operating system.
"""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.istio.envoy.xds import Json

_KEYS: Final = frozenset(
    {
        *("filename", "watched_directory", "watchedDirectory", "path_config_source", "pathConfigSource"),
        "pipe",
        *("google_grpc", "googleGrpc", "dynamic_module_config", "dynamicModuleConfig"),
        *("proto_descriptor", "protoDescriptor", "upstream_bind_config", "upstreamBindConfig"),
    }
)
_TYPES: Final = (
    *("dynamic_modules", "dynamic_forward_proxy", "file_server", "file_system", "geoip"),
    *(".tap.", ".aws_", "original_src", "original_dst"),
)
_TYPE_KEYS: Final = ("@type", "type_url", "typeUrl")
_STREAMS: Final = frozenset({"/dev/stdout", "/dev/stderr"})
_CODE: Final = frozenset({"inline_code", "inlineCode", "inline_string", "inlineString"})
_ADDRESSES: Final = frozenset({"socket_address", "socketAddress"})
_WITHOUT_LIBRARIES: Final = (
    "os={time=os.time,date=os.date,clock=os.clock,difftime=os.difftime} io=nil package=nil require=nil "
    "module=nil load=nil loadstring=nil loadfile=nil dofile=nil debug=nil ffi=nil jit=nil string.dump=nil "
)
"""Ahead of a script, on its first line, so that Lua counts lines as their author does."""


class Refused(Exception):
    """A patch that must not be applied; the message says why."""


def confined(value: Json, *, addresses: bool = False) -> Json:
    """A patch's value as it may be used; `addresses` says whether somebody takes care of addresses in it.

    Raises Refused.
    """
    found = _confined(value, addresses=addresses, lua=False)
    assert isinstance(found, dict)
    return found


def confined_script(code: str) -> str:
    """A Lua script that cannot reach the machine."""
    return _WITHOUT_LIBRARIES + code


def _confined(value: Any, *, addresses: bool, lua: bool) -> Any:
    if isinstance(value, list):
        return [_confined(item, addresses=addresses, lua=lua) for item in value]
    if not isinstance(value, dict):
        return value
    kinds = [str(value[key]) for key in _TYPE_KEYS if key in value]
    for kind in kinds:
        if any(part in kind for part in _TYPES):
            raise Refused(f"{kind.rpartition('/')[2]} would reach out of the emulated cluster")
        if kind.endswith(".FileAccessLog") and value.get("path", "/dev/stdout") not in _STREAMS:
            raise Refused("a log can only be written to /dev/stdout and /dev/stderr")
    lua = lua or any(".lua." in kind for kind in kinds)
    found: Json = {}
    for key, item in value.items():
        if key in _KEYS or (key in _ADDRESSES and not addresses):
            raise Refused(f"`{key}` would reach out of the emulated cluster")
        if key in {"access_log", "accessLog"} and isinstance(item, str):
            raise Refused("a log can only be written to /dev/stdout and /dev/stderr")
        is_script = lua and key in _CODE and isinstance(item, str)
        found[key] = confined_script(item) if is_script else _confined(item, addresses=addresses, lua=lua)
    return found
