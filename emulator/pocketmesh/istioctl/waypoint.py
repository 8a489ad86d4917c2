"""`waypoint`: the Gateways that waypoints are.

Upstream: istio/istio istioctl/pkg/waypoint/waypoint.go.
"""

from __future__ import annotations

from typing import Final

import click

from pocketmesh.istioctl.duration import DURATION
from pocketmesh.istioctl.exits import USAGE
from pocketmesh.istioctl.output import as_yaml
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.istioctl.tables import table
from pocketmesh.istioctl.waiting import until
from pocketmesh.objects import Object, condition, is_true, labels_of, name_of, namespace_of
from pocketmesh.remote.api import Api
from pocketmesh.remote.errors import Failed, Refused

_GATEWAY: Final = ("gateway.networking.k8s.io/v1", "Gateway")
_CLASS: Final = "istio-waypoint"
_REVISION: Final = "istio.io/rev"
_TRAFFIC: Final = "istio.io/waypoint-for"
_USE: Final = "istio.io/use-waypoint"
_MODE: Final = "istio.io/dataplane-mode"
_TRAFFIC_TYPES: Final = ("all", "none", "service", "workload")


def gateway(name: str, namespace: str, traffic: str = "", revision: str = "") -> Object:
    """The Gateway of a waypoint. Raises Failed for a name or a type of traffic that cannot be."""
    if name == "none":
        raise Failed("invalid name provided for waypoint, 'none' is a reserved value")
    if traffic and traffic not in _TRAFFIC_TYPES:
        raise Failed(f"invalid traffic type: {traffic}. Valid options are: {', '.join(_TRAFFIC_TYPES)}")
    labels = {key: value for key, value in ((_REVISION, revision), (_TRAFFIC, traffic)) if value}
    metadata = {
        **({"labels": labels} if labels else {}),
        "name": name,
        **({"namespace": namespace} if namespace else {}),
    }
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    version, kind = _GATEWAY
    spec = {"gatewayClassName": _CLASS, "listeners": [listener]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def listing(gateways: list[Object], everywhere: bool) -> str:
    """What `waypoint list` prints of waypoints."""
    heading = ["NAME", "REVISION", "TRAFFIC TYPE", "PROGRAMMED"]
    rows = [
        [
            name_of(it),
            labels_of(it).get(_REVISION) or "default",
            labels_of(it).get(_TRAFFIC) or "none",
            "True" if is_true(it, "Programmed") else "False",
        ]
        for it in gateways
    ]
    if everywhere:
        heading = ["NAMESPACE", *heading]
        rows = [[namespace_of(it), *row] for it, row in zip(gateways, rows, strict=True)]
    return table([heading, *rows])


def statuses(gateways: list[Object]) -> str:
    """What `waypoint status` prints of waypoints."""
    rows = [["NAME", "STATUS", "TYPE", "REASON", "MESSAGE"]]
    for it in gateways:
        found = condition(it, "Programmed") or {}
        rows.append([name_of(it), *(found.get(key, "") for key in ("status", "type", "reason", "message"))])
    return table(rows)


@click.group("waypoint")
@connected
def waypoint_command() -> None:
    """Manage waypoints."""


_name = click.option("--name", default="waypoint", help="The name of the waypoint.")
_traffic = click.option(
    "--for", "traffic", default="", help=f"The traffic it is for: {', '.join(_TRAFFIC_TYPES)}."
)
_revision = click.option("--revision", "-r", default="", help="The revision to label it with.")
_timeout = click.option(
    "--waypoint-timeout", type=DURATION, default="90s", help="How long it may take to be ready."
)


@waypoint_command.command("generate")
@_name
@_traffic
@_revision
@connected
@click.pass_obj
def generate_command(session: Session, name: str, traffic: str, revision: str) -> None:
    """Print the Gateway of a waypoint as YAML."""
    click.echo(as_yaml(gateway(name, session.namespace, traffic, revision)))


@waypoint_command.command("apply")
@_name
@_traffic
@_revision
@click.option("--enroll-namespace", is_flag=True, help="Let the namespace use the waypoint.")
@click.option("--overwrite", is_flag=True, help="Replace the waypoint that the namespace uses.")
@click.option("--wait", "-w", is_flag=True, help="Wait for the waypoint to be ready.")
@_timeout
@connected
@click.pass_obj
def apply_command(
    session: Session,
    name: str,
    traffic: str,
    revision: str,
    enroll_namespace: bool,
    overwrite: bool,
    wait: bool,
    waypoint_timeout: float,
) -> None:
    """Apply a waypoint to a namespace."""
    api, place = session.api, session.namespace_or_default
    namespace = api.get("v1", "Namespace", "", place)
    if namespace is None:
        raise Failed(f"namespace: {place} not found")
    wanted = gateway(name, place, traffic, revision)
    if enroll_namespace and not _may_enroll(namespace, overwrite):
        return
    _apply(api, wanted)
    click.echo(f"✅ waypoint {place}/{name} applied")
    if wait:
        if until(lambda: _programmed(api, place, name), waypoint_timeout) is None:
            found = api.get(*_GATEWAY, place, name) or {}
            why = (condition(found, "Programmed") or {}).get("message", "it is gone")
            raise Failed(f"timed out while waiting for waypoint {place}/{name}: {why}")
        click.echo(f"✅ waypoint {place}/{name} is ready!")
    if enroll_namespace:
        api.merge(namespace, {"metadata": {"labels": {_USE: name}}})
        click.echo(f'✅ namespace {place} labeled with "{_USE}: {name}"')


def _may_enroll(namespace: Object, overwrite: bool) -> bool:
    place = name_of(namespace)
    if labels_of(namespace).get(_MODE) != "ambient":
        click.echo(
            "Warning: namespace is not enrolled in ambient. Consider running\t"
            f"`kubectl label namespace {place} {_MODE}=ambient`"
        )
    if _USE in labels_of(namespace) and not overwrite:
        click.echo(
            f"Warning: namespace ({place}) already has an enrolled Waypoint. "
            "Consider adding the `--overwrite` flag to your apply command."
        )
        return False
    return True


def _apply(api: Api, wanted: Object) -> None:
    try:
        api.apply(wanted, "istioctl")
    except Refused as refused:
        if refused.status != 404:
            raise
        raise Failed(
            "missing Kubernetes Gateway CRDs need to be installed before applying a waypoint: "
            + refused.message
        ) from refused


def _programmed(api: Api, namespace: str, name: str) -> Object | None:
    found = api.get(*_GATEWAY, namespace, name)
    return found if found and is_true(found, "Programmed") else None


@waypoint_command.command("list")
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Those of all namespaces.")
@connected
@click.pass_obj
def list_command(session: Session, everywhere: bool) -> None:
    """List the waypoints."""
    found = _waypoints(session.api, "" if everywhere else session.namespace_or_default)
    click.echo(listing(found, everywhere) if found else "No waypoints found.")


@waypoint_command.command("status")
@click.argument("names", metavar="[NAME]", nargs=-1)
@_timeout
@connected
@click.pass_obj
def status_command(session: Session, names: tuple[str, ...], waypoint_timeout: float) -> None:
    """Show whether waypoints are programmed, and why not."""
    api, place = session.api, session.namespace_or_default

    def found() -> list[Object]:
        return [it for it in _waypoints(api, place) if not names or name_of(it) in names]

    if not (waypoints := found()):
        click.echo("No waypoints found.")
        return
    until(lambda: True if all(is_true(it, "Programmed") for it in found()) else None, waypoint_timeout)
    waypoints = found()
    click.echo(statuses(waypoints))
    late = [name_of(it) for it in waypoints if not is_true(it, "Programmed")]
    if late:
        raise Failed(f"timed out while retrieving status for waypoint {late[0]}")


@waypoint_command.command("delete")
@_name
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All waypoints of the namespace.")
@connected
@click.pass_obj
def delete_command(session: Session, name: str, names: tuple[str, ...], every: bool) -> None:
    """Delete waypoints."""
    api, place = session.api, session.namespace_or_default
    if every and names:
        raise Failed("cannot specify waypoint names when deleting all waypoints", USAGE)
    if every:
        names = tuple(name_of(it) for it in _waypoints(api, place))
        if not names:
            click.echo("No waypoints found.")
    for each in names or (() if every else (name,)):
        done = "deleted" if api.delete(gateway(each, place)) else "not found"
        click.echo(f"waypoint {place}/{each} {done}")


def _waypoints(api: Api, namespace: str) -> list[Object]:
    found = [it for it in api.all(*_GATEWAY, namespace) if it["spec"]["gatewayClassName"] == _CLASS]
    return sorted(found, key=lambda it: (namespace_of(it), name_of(it)))
