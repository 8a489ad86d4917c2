"""`version`: of this client, of every istiod, and of every proxy that is connected to one.

Upstream: istio/istio istioctl/pkg/version, pkg/kube/client.go (GetIstioVersions).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import click

from pocketmesh.istioctl.istiod import istiods, proxies, version
from pocketmesh.istioctl.output import as_yaml
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.remote.api import Api
from pocketmesh.versions import ISTIO

_BUILD: Final = {
    "version": ISTIO,
    "revision": "stand-in",
    "golang_version": "none",
    "status": "Clean",
    "tag": ISTIO,
}


@click.command("version")
@click.option(
    "--short", "-s", type=bool, is_flag=False, flag_value=True, default=True, help="Versions alone."
)
@click.option(
    "--remote", type=bool, is_flag=False, flag_value=True, default=True, help="Ask the cluster too."
)
@click.option("--output", "-o", type=click.Choice(["json", "yaml"]), default=None, help="As data.")
@connected
@click.pass_obj
def version_command(session: Session, short: bool, remote: bool, output: str | None) -> None:
    """Print the versions of istioctl, of the control plane and of the data plane."""
    found: dict[str, Any] = {"clientVersion": _BUILD}
    if remote:
        control = control_plane(session.api, session.istio_namespace)
        if control:
            found["meshVersion"] = control
            found["dataPlaneVersion"] = data_plane(session.api, session.istio_namespace)
        elif output is None:
            place = f'no running Istio pods in namespace "{session.istio_namespace}"'
            click.echo(f"Istio is not present in the cluster: {place}")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    elif output == "yaml":
        click.echo(as_yaml(found))
    else:
        click.echo("\n".join(lines(found, short)))


def control_plane(api: Api, namespace: str) -> list[dict[str, Any]]:
    """What every ready istiod says of itself."""
    return [
        {"Component": "pilot", "Revision": "default", "Info": version(api, pod)}
        for pod in istiods(api, namespace)
    ]


def data_plane(api: Api, namespace: str) -> list[dict[str, str]]:
    """Every connected proxy and its version."""
    return [{"ID": it["proxy"], "IstioVersion": it["istio_version"]} for it in proxies(api, namespace)]


def lines(found: dict[str, Any], short: bool) -> list[str]:
    """The versions as people read them; different ones are counted."""

    def shown(info: dict[str, str]) -> str:
        if short:
            return info["version"]
        fields = (f'{key.title().replace("_", "")}:"{value}"' for key, value in info.items())
        return f"version.BuildInfo{{{', '.join(fields)}}}"

    text = [f"client version: {shown(found['clientVersion'])}"]
    text += [
        f"control plane version: {it}"
        for it in sorted({shown(it["Info"]) for it in found.get("meshVersion", ())})
    ]
    if "dataPlaneVersion" in found:
        counted = Counter(it["IstioVersion"] for it in found["dataPlaneVersion"])
        said = ", ".join(
            f"{version} ({count} prox{'y' if count == 1 else 'ies'})"
            for version, count in sorted(counted.items())
        )
        text.append(f"data plane version: {said or 'none'}")
    return text
