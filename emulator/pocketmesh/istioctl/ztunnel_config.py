"""`ztunnel-config`: what a ztunnel knows, asked of its admin port.

Upstream: istio/istio istioctl/pkg/ztunnelconfig.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from pocketmesh.istioctl.output import as_yaml
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.istioctl.ztunnel_dump import PARTS, Asked, chosen, shown
from pocketmesh.objects import Object, is_true, name_of
from pocketmesh.remote.errors import Failed

_ADMIN: Final = 15000


@click.group("ztunnel-config")
@connected
def ztunnel_command() -> None:
    """Show what ztunnel knows and does."""


def _part(name: str) -> click.Command:
    @ztunnel_command.command(name, help=f"Show {_SHOWN[name]}.")
    @click.argument("pod", metavar="[POD[.NAMESPACE]]", required=False)
    @click.option("--node", default="", help="The ztunnel of this node.")
    @click.option("--file", "-f", type=click.Path(path_type=Path), help="A config_dump in a file.")
    @click.option("--output", "-o", type=click.Choice(["short", "table", "json", "yaml"]), default="short")
    @click.option(
        "--workload-namespace",
        "--service-namespace",
        "--policy-namespace",
        "within",
        default="",
        help="Only of this namespace.",
    )
    @click.option("--workload-node", default="", help="Only workloads of this node.")
    @click.option("--address", default="", help="Only what has this address.")
    @click.option("--direction", type=click.Choice(["inbound", "outbound"]), default=None)
    @click.option("--raw", is_flag=True, help="Addresses instead of names.")
    @connected
    @click.pass_obj
    def command(
        session: Session, /, pod: str | None, node: str, file: Path | None, output: str, **asked: Any
    ) -> None:
        dump = _from_file(file) if file else _asked(session, pod, node)
        parts = PARTS if name == "all" else (name,)
        question = Asked(**asked)
        if output in ("short", "table"):
            click.echo("\n\n".join(shown(dump, part, question) for part in parts))
        else:
            found = chosen(dump, name, question) if name != "all" else dump
            click.echo(json.dumps(found, indent=4) if output == "json" else as_yaml(found))

    return command


_SHOWN: Final = {
    "all": "everything",
    "certificate": "the certificates that it holds",
    "connections": "the connections that go through it",
    "policy": "the policies that it enforces",
    "service": "the services that it knows",
    "workload": "the workloads that it knows",
}
for _name in _SHOWN:
    _part(_name)


@ztunnel_command.command("log")
@click.argument("pod", metavar="[POD[.NAMESPACE]]", required=False)
@click.option("--level", default="", help="LEVEL, or SCOPE:LEVEL,… to set.")
@connected
@click.pass_obj
def log_command(session: Session, pod: str | None, level: str) -> None:
    """Show or set ztunnel's log levels."""
    query = f"?level={level}" if level else ""
    for found in [_ztunnel_of(session, pod, "")] if pod else _ztunnels(session):
        said = session.api.page(found, _ADMIN, f"logging{query}", "POST").decode().strip()
        click.echo(f"{name_of(found)}.{session.istio_namespace}:\n{said}")


def _from_file(path: Path) -> Object:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Failed(f"{path} is no config_dump: {error}") from error
    return found if isinstance(found, dict) else {}


def _asked(session: Session, pod: str | None, node: str) -> Object:
    found: Object = json.loads(session.api.page(_ztunnel_of(session, pod, node), _ADMIN, "config_dump"))
    return found


def _ztunnel_of(session: Session, pod: str | None, node: str) -> Object:
    """The ztunnel that was asked for: by its name, by that of a pod on its node, by the node, or any."""
    ztunnels = _ztunnels(session)
    if pod:
        name, _, place = pod.partition(".")
        for namespace in filter(None, (place, session.istio_namespace, session.namespace_or_default)):
            found = session.api.get("v1", "Pod", namespace, name)
            if found is not None:
                node = found["spec"].get("nodeName", "")
                break
        else:
            raise Failed(f'pods "{name}" not found')
    for ztunnel in ztunnels:
        if not node or ztunnel["spec"].get("nodeName") == node:
            return ztunnel
    raise Failed(f'no ztunnel runs on the node "{node}"')


def _ztunnels(session: Session) -> list[Object]:
    api, place = session.api, session.istio_namespace
    if api.get("v1", "Namespace", "", place) is None:
        raise Failed(f'namespaces "{place}" not found')
    if api.get("apps/v1", "DaemonSet", place, "ztunnel") is None:
        raise Failed('daemonsets.apps "ztunnel" not found')
    found = [pod for pod in api.all("v1", "Pod", place, "app=ztunnel") if is_true(pod, "Ready")]
    if not found:
        raise Failed(f'no ztunnel pod is ready in "{place}"')
    return found
