"""`-w`: what curl prints after a transfer. Pure; follows src/tool_writeout.c of curl."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"%%|%\{([a-z_0-9.]+)\}|%header\{([^}]+)\}|\\(.)|%", re.S)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
_SECONDS = ("time_",)


def rendered(template: str, values: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[str, str, str]:
    """What goes to standard output, what goes to standard error after `%{stderr}`, and complaints."""
    streams = {"out": [""], "err": [""]}
    complaints: list[str] = []
    current = "out"
    position = 0
    for match in _TOKEN.finditer(template):
        streams[current].append(template[position : match.start()])
        position = match.end()
        name, header, escaped = match.groups()
        if name in ("stderr", "stdout"):
            current = "err" if name == "stderr" else "out"
        elif name == "onerror":
            if not values.get("exitcode"):
                position = len(template)
                break
        elif name is not None:
            if name != "json" and name not in values:
                complaints.append(f"curl: unknown --write-out variable: '{name}'\n")
            streams[current].append(_value(name, values))
        elif header is not None:
            streams[current].append(headers.get(header.lower(), ""))
        elif escaped is not None:
            streams[current].append(_ESCAPES.get(escaped, f"\\{escaped}"))
        else:
            streams[current].append("%")
    streams[current].append(template[position:])
    return "".join(streams["out"]), "".join(streams["err"]), "".join(complaints)


def _value(name: str, values: Mapping[str, Any]) -> str:
    if name == "json":
        return json.dumps(dict(sorted(values.items())), separators=(",", ":"))
    value = values.get(name, "")
    if name in ("http_code", "response_code", "http_connect"):
        return f"{value:03d}"
    if isinstance(value, float):
        return f"{value:.6f}" if name.startswith(_SECONDS) else f"{value:.0f}"
    return str(value if value is not None else "")
