"""What nginx answers: a `return`, or a file. Pure but for the container's files."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from pocketmesh.node.apps.nginx.sites import Location, Site, location_for, site_for
from pocketmesh.node.commands.web import Call, Fields, Reply
from pocketmesh.node.process import Files

VERSION: Final = "nginx/1.29.1"
_SERVER: Final = ("server", VERSION)
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_TYPES: Final = {".js": "application/javascript", ".json": "application/json", ".txt": "text/plain"}
_ROOT: Final = "/usr/share/nginx/html"


def answer(sites: list[Site], files: Files, port: int, call: Call, known: Mapping[str, str]) -> Reply:
    """The answer to a request on a port; `known` are variables that the request does not tell."""
    site = site_for(sites, port, call.authority)
    assert site is not None, "nothing listens there"
    variables = {**_variables(call), "server_port": str(port), **known}
    where = site.whole if site.whole.words("return") else location_for(site, call.path)
    if where.words("return"):
        reply = _returned(where, variables)
    elif where.unable:
        return _page(501, f"{where.unable} is not emulated here; to run any image, use --provider kind\n")
    else:
        reply = _file(where, files, call, variables)
    if reply.status >= 400:
        return Reply(reply.status, (*reply.headers, *_added(where, variables, always=True)), reply.body)
    return Reply(reply.status, (*reply.headers, *_added(where, variables)), reply.body)


def _returned(where: Location, variables: Mapping[str, str]) -> Reply:
    code, *rest = where.words("return")
    text = _filled(" ".join(rest), variables)
    if not code.isdecimal():
        code, text = "302", _filled(code, variables)
    status = int(code)
    if status in (301, 302, 303, 307, 308):
        reply = _page(status)
        return Reply(status, (*reply.headers, ("location", text)), reply.body)
    if not rest:
        return Reply(status, (_SERVER,)) if status < 300 else _page(status)
    kind = (where.words("default_type") or ("application/octet-stream",))[0]
    return Reply(status, (_SERVER, ("content-type", kind)), text.encode())


def _file(where: Location, files: Files, call: Call, variables: Mapping[str, str]) -> Reply:
    if call.method not in ("GET", "HEAD"):
        return _page(405)
    *tries, last = where.words("try_files") or ("$uri",)
    for each in (*tries, last):
        wanted = _filled(each, variables)
        if each is last and wanted.startswith("="):
            return _page(int(wanted[1:]) if wanted[1:].isdecimal() else 404)
        path = _path(where, wanted)
        indexes = where.words("index") or ("index.html",)
        candidates = [path] if not path.endswith("/") else [path + name for name in indexes]
        for name in candidates:
            if files.below(name) == [name]:
                return Reply(headers=(_SERVER, ("content-type", _type(where, name))), body=files.read(name))
        if each is last and files.below(path.rstrip("/") or "/"):
            if path.endswith("/"):
                return _page(403)
            reply = _page(301)
            return Reply(301, (*reply.headers, ("location", f"{call.path}/")), reply.body)
    return _page(404)


def _path(where: Location, wanted: str) -> str:
    """The file for a path; no path leads above the root."""
    parts = [part for part in wanted.split("/") if part not in ("", ".", "..")]
    clean = "/" + "/".join(parts) + ("/" if wanted.endswith("/") and parts else "")
    alias = where.words("alias")
    if alias and clean.startswith(where.pattern):
        return alias[0] + clean.removeprefix(where.pattern)
    return (where.words("root") or (_ROOT,))[0].rstrip("/") + clean


def _type(where: Location, name: str) -> str:
    dot = name[name.rfind(".") :] if "." in name.rpartition("/")[2] else ""
    default = (where.words("default_type") or ("application/octet-stream",))[0]
    return _TYPES.get(dot) or mimetypes.guess_type(name)[0] or default


def _added(where: Location, variables: Mapping[str, str], *, always: bool = False) -> Fields:
    pairs = [one.words for one in where.all("add_header") if len(one.words) > 1]
    wanted = [words for words in pairs if not always or words[2:] == ("always",)]
    return tuple((words[0], _filled(words[1], variables)) for words in wanted)


def _variables(call: Call) -> dict[str, str]:
    target = call.target.partition("?")
    return {
        "uri": call.path,
        "document_uri": call.path,
        "request_uri": call.target,
        "args": target[2],
        "query_string": target[2],
        "is_args": target[1],
        "host": call.authority.partition(":")[0],
        "http_host": call.authority,
        "request_method": call.method,
        "remote_addr": call.client,
        "scheme": "http",
        "server_protocol": call.protocol,
        "status": "200",
        **{f"http_{name.replace('-', '_')}": value for name, value in call.headers if name != "host"},
        **{f"arg_{name}": value for name, value in call.query},
    }


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


def _page(status: int, said: str = "") -> Reply:
    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = str(status)
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    page += f"{said}<hr><center>{VERSION}</center>\r\n</body>\r\n</html>\r\n"
    return Reply(status, (_SERVER, ("content-type", "text/html")), page.encode())
