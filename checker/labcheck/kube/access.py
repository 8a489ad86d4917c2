"""How to reach a cluster, from its kubeconfig: the address, the TLS context and what proves who we are.

The kubeconfigs that labcheck and kind write hold certificates and a token, and are read here. Everything
else that a kubeconfig may say (commands to log in with, cloud providers, proxies) is left to the Kubernetes
client library, which only this module imports, and only then: its import costs a third of a second.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcheck.kube.errors import Unreachable

_CLUSTER = {"server", "certificate-authority-data"}
_USER = {"token", "client-certificate-data", "client-key-data"}
_RECORD = 16384
"""Bytes that TLS carries at once. RFC 8446, section 5.1."""


@dataclass(frozen=True, slots=True)
class Access:
    """One cluster's address and one user's proof."""

    host: str
    tls: ssl.SSLContext
    headers: Callable[[], dict[str, str]]
    """Asked for every request: a token may have to be renewed."""
    proxy: str = ""


class _ReadingAhead(ssl.SSLSocket):
    """websocket-client reads an answer's head byte by byte; a call of OpenSSL for each is half of an exec."""

    _ahead = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        if not self._ahead:
            self._ahead = super().recv(max(buflen, _RECORD), flags)
        taken, self._ahead = self._ahead[:buflen], self._ahead[buflen:]
        return taken


def access(kubeconfig: Path) -> Access:
    """What the current context of the kubeconfig says. Raises Unreachable."""
    try:
        found = _plain(_read(kubeconfig)) or _by_library(kubeconfig)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise _unusable(kubeconfig, str(error)) from error
    found.tls.sslsocket_class = _ReadingAhead
    return found


def _unusable(kubeconfig: Path, why: str) -> Unreachable:
    return Unreachable(f"The kubeconfig {kubeconfig} cannot be used.", evidence=why)


def _read(kubeconfig: Path) -> Any:
    text = kubeconfig.read_text(encoding="utf-8")
    if text.startswith("{"):  # ours are written as JSON, which needs no YAML
        import json

        return json.loads(text)
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(f"It is not valid YAML: {error}") from error


def _plain(config: Mapping[str, Any]) -> Access | None:
    """The access of a kubeconfig that holds nothing but certificates and a token; None for any other."""
    context = _named(config, "context", config["current-context"])
    cluster = _named(config, "cluster", context["cluster"])
    user = _named(config, "user", context["user"])
    if not (cluster.keys() <= _CLUSTER and user.keys() <= _USER):
        return None
    headers = {"authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    return Access(cluster["server"].rstrip("/"), _tls(cluster, user), lambda: dict(headers))


def _named(config: Mapping[str, Any], kind: str, name: str) -> Any:
    return next(it[kind] for it in config[f"{kind}s"] if it["name"] == name)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    authority = cluster.get("certificate-authority-data")
    if authority:
        context.load_verify_locations(cadata=base64.b64decode(authority).decode())
    else:
        context.load_default_certs()
    if "client-certificate-data" in user:
        # OpenSSL reads certificates from files only; this one is gone again before anything is sent.
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[part]) + b"\n")
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _by_library(kubeconfig: Path) -> Access:
    from kubernetes import client, config
    from urllib3.util.ssl_ import create_urllib3_context

    load: Any = config.load_kube_config
    found = client.Configuration()
    try:
        load(str(kubeconfig), client_configuration=found)
    except config.ConfigException as error:
        raise _unusable(kubeconfig, str(error)) from error
    tls = create_urllib3_context()
    if not found.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    elif found.ssl_ca_cert:
        tls.load_verify_locations(found.ssl_ca_cert)
    else:
        tls.load_default_certs()
    if found.cert_file:
        tls.load_cert_chain(found.cert_file, found.key_file)

    def headers() -> dict[str, str]:
        proof: str | None = (
            found.get_api_key_with_prefix("authorization")
            or found.get_api_key_with_prefix("BearerToken")
            or (found.get_basic_auth_token() if found.username else None)
        )
        return {"authorization": proof} if proof else {}

    return Access(found.host.rstrip("/"), tls, headers, found.proxy or "")
