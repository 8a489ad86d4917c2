"""The kubeconfig that lets kubectl and every other client in as the administrator."""

from __future__ import annotations

import base64

from pocketmesh.api.auth.certificates import ADMINISTRATOR, Credentials


def kubeconfig(
    credentials: Credentials, server: str, *, name: str = "pocketmesh", namespace: str = ""
) -> str:
    """The file's text; `name` names its cluster and context, `server` is the URL."""
    place = f"    namespace: {namespace}\n" if namespace else ""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: {_encoded(credentials.authority.certificate)}
    server: {server}
  name: {name}
contexts:
- context:
    cluster: {name}
{place}    user: {ADMINISTRATOR}
  name: {name}
current-context: {name}
preferences: {{}}
users:
- name: {ADMINISTRATOR}
  user:
    client-certificate-data: {_encoded(credentials.administrator.certificate)}
    client-key-data: {_encoded(credentials.administrator.key)}
"""


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
