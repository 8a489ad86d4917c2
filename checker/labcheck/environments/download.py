"""Fetching a program from its publisher, checked against the publisher's checksum, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from labcheck.environments.kind.versions import Tool
from labcheck.errors import EnvironmentTrouble

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_TIMEOUT = 60


def install(tool: Tool, folder: Path) -> Path:
    """Puts the pinned version of `tool` into `folder`; returns its path. Raises EnvironmentTrouble."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if system not in {"linux", "darwin"} or machine not in _ARCHITECTURES:
        raise EnvironmentTrouble(
            f"There is no {tool.name} for {system} on {machine} to fetch.",
            next_step=f"Install {tool.name} {tool.version} by hand.",
        )
    words = {
        "version": tool.version,
        "os": tool.darwin if system == "darwin" else system,
        "arch": _ARCHITECTURES[machine],
    }
    url = tool.url.format_map(words)
    data = _fetch(url, tool)
    expected = _checksum(_fetch(url + tool.checksum, tool), url)
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise EnvironmentTrouble(
            f"What came as {tool.name} is not what its publisher offers, and was thrown away.",
            evidence=f"{url}\nexpected sha256 {expected or 'unreadable'}\nreceived sha256 {actual}",
            next_step="Try again; if it stays so, somebody between here and there changes downloads.",
        )
    program = _member(data, tool.member.format_map(words), url) if tool.member else data
    return _write(program, folder, tool.name)


def _fetch(url: str, tool: Tool) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            data: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise EnvironmentTrouble(
            f"{tool.name} {tool.version} cannot be fetched.",
            evidence=f"{url}: {reason}",
            next_step="This needs the internet (behind a proxy: export HTTPS_PROXY=…). "
            f"Or put {tool.name} on the PATH yourself.",
        ) from error
    return data


def _checksum(text: bytes, url: str) -> str:
    """The checksum in a file that may list several downloads, each as `sum  name`."""
    lines = text.decode(errors="replace").split("\n")
    name = url.rpartition("/")[2]
    line = next((it for it in lines if it.rstrip().endswith(name)), lines[0])
    found = re.search(r"\b[0-9a-fA-F]{64}\b", line)
    return found[0].lower() if found else ""


def _member(archive: bytes, name: str, url: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            found = next((it for it in files if it.isfile() and it.name.removeprefix("./") == name), None)
            file = files.extractfile(found) if found else None
            if file is not None:
                return file.read()
    except tarfile.TarError as error:
        raise EnvironmentTrouble(f"{url} is no archive.", evidence=f"{error}.") from error
    raise EnvironmentTrouble(f"{url} does not contain {name}.")


def _write(program: bytes, folder: Path, name: str) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            try:
                file.write(program)
                file.close()
                os.chmod(file.name, 0o700)
                os.replace(file.name, folder / name)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise EnvironmentTrouble(
            f"{name} cannot be written.",
            evidence=f"{error.strerror or error}: {folder}",
            next_step="Make room, or name another folder: LABCHECK_STATE=DIR labcheck …",
        ) from error
    return folder / name
