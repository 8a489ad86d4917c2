"""`proxy-status`: the proxies that are connected to istiod.

Upstream: istio/istio istioctl/pkg/proxystatus, istioctl/pkg/writer/pilot/status.go.
"""

from __future__ import annotations

import json
from typing import Any, Final

import click

from pocketmesh.istioctl.istiod import istiods, proxies
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.istioctl.tables import table
from pocketmesh.remote.errors import Failed

_SUBSCRIBED: Final = {"ztunnel": ("WADS", "WDS")}
_OF_ENVOY: Final = ("CDS", "LDS", "EDS", "RDS")


@click.command("proxy-status")
@click.argument("proxy", metavar="[POD[.NAMESPACE]]", required=False)
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table", help="The form.")
@connected
@click.pass_obj
def status_command(session: Session, proxy: str | None, output: str) -> None:
    """Show which proxies are connected to istiod, and what they are sent."""
    if not istiods(session.api, session.istio_namespace):
        raise Failed(f'no running Istio pods in "{session.istio_namespace}"')
    found = proxies(session.api, session.istio_namespace)
    if proxy is not None:
        _one(found, proxy if "." in proxy else f"{proxy}.{session.namespace_or_default}")
    elif output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(statuses(found))


def statuses(found: list[dict[str, Any]]) -> str:
    """The table of connected proxies, each as an entry of istiod's `/debug/syncz` with its istiod."""
    rows = [["NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES"]]
    for it in found:
        types = _SUBSCRIBED.get(it["proxy_type"], _OF_ENVOY)
        subscribed = f"{len(types)} ({','.join(types)})"
        rows.append([it["proxy"], it["cluster_id"], it["istiod"], it["istio_version"], subscribed])
    return table(rows)


def _one(found: list[dict[str, Any]], proxy: str) -> None:
    entry = next((it for it in found if it["proxy"] == proxy), None)
    if entry is None:
        raise Failed(f'proxy "{proxy}" is not connected to istiod')
    if entry["proxy_type"] != "ztunnel":
        raise Failed("this stand-in for istioctl shows no differences of an Envoy; the real istioctl does")
    click.echo(f"Sync diff is not available for ztunnel pod {proxy}")
