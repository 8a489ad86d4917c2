"""Who is asked, and as whom: a kubeconfig's current context. Pure but for reading the files.

Certificates and tokens only; a kubeconfig that wants a program run for its credentials is refused.
Source: k8s.io/client-go tools/clientcmd (loading rules).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketmesh.remote.errors import Failed

Section = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """One cluster and one identity; certificates and the key are PEM, and empty when there are none."""

    server: str
    namespace: str = "default"
    authority: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""
    verify: bool = True


def places(named: str | None, variables: Mapping[str, str]) -> list[Path]:
    """The files to read: the one that was named, else those of $KUBECONFIG, else ~/.kube/config."""
    if named:
        return [Path(named)]
    listed = [Path(it) for it in variables.get("KUBECONFIG", "").split(os.pathsep) if it]
    return listed or [Path.home() / ".kube" / "config"]


def read(files: Sequence[Path], context: str | None = None) -> Access:
    """The access that the files describe together; the first to say something wins. Raises Failed."""
    merged: Section = {}
    for path in files:
        for key, value in _loaded(path).items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *_absolute(value, path.parent)]
            elif value:
                merged.setdefault(key, value)
    try:
        return access(merged, context)
    except (KeyError, TypeError, ValueError) as error:
        named = ", ".join(map(str, files))
        raise Failed(f"the kubeconfig {named} cannot be used: {error}") from error


def access(config: Section, context: str | None = None) -> Access:
    """What one context of a kubeconfig's content says. Raises Failed, KeyError, TypeError or ValueError."""
    name = context or config.get("current-context", "")
    if not name:
        raise Failed("no cluster to talk to: the kubeconfig has no current context")
    chosen = _named(config, "context", name)
    cluster = _named(config, "cluster", chosen["cluster"])
    user = _named(config, "user", chosen["user"])
    if "exec" in user or "auth-provider" in user:
        raise Failed(f'the user "{chosen["user"]}" of the kubeconfig gets its credentials from a program')
    token = user.get("token") or ""
    if not token and user.get("tokenFile"):
        token = Path(user["tokenFile"]).read_text().strip()
    return Access(
        server=cluster["server"].rstrip("/"),
        namespace=chosen.get("namespace") or "default",
        authority=_content(cluster, "certificate-authority"),
        certificate=_content(user, "client-certificate"),
        key=_content(user, "client-key"),
        token=token,
        verify=not cluster.get("insecure-skip-tls-verify", False),
    )


def _loaded(path: Path) -> Section:
    try:
        found = _parsed(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failed(f"the kubeconfig {path} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _parsed(text: str) -> Any:
    # Those of this package are JSON, and a short command is done before a parser of YAML is imported.
    with suppress(ValueError):
        return json.loads(text)
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(error) from error


def _named(config: Section, kind: str, name: str) -> Section:
    for entry in config.get(f"{kind}s") or []:
        if entry["name"] == name:
            found: Section = entry[kind]
            return found
    raise Failed(f'{kind} "{name}" does not exist in the kubeconfig')


_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _absolute(entries: list[Any], folder: Path) -> list[Any]:
    """The entries with the names of files taken from where the kubeconfig is."""
    return [
        {
            part: {key: str(folder / it) if key in _FILES else it for key, it in value.items()}
            if isinstance(value, dict)
            else value
            for part, value in entry.items()
        }
        for entry in entries
    ]


def _content(section: Section, name: str) -> str:
    if encoded := section.get(f"{name}-data"):
        return base64.b64decode(encoded).decode()
    return Path(section[name]).read_text() if section.get(name) else ""
