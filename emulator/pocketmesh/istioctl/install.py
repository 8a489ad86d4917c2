"""`install` and `uninstall`: Istio comes and goes, component by component.

Upstream: istio/istio operator/cmd/mesh/{install,uninstall}.go, operator/pkg/install/{install,prune}.go.
"""

from __future__ import annotations

import sys
from typing import IO, Final

import click
import yaml

from pocketmesh.istio.install import MANAGER, NAMESPACE, component_objects
from pocketmesh.istioctl.duration import DURATION
from pocketmesh.istioctl.exits import UNREADABLE, USAGE
from pocketmesh.istioctl.profiles import PROFILES
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.istioctl.values import Values, customised, parse
from pocketmesh.istioctl.waiting import wait_ready
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.remote.api import Api
from pocketmesh.remote.errors import Failed
from pocketmesh.versions import ISTIO

_OWNED: Final = "operator.istio.io/component"
_LINES: Final = {
    "Base": "Istio core installed ⛵️",
    "Pilot": "Istiod installed 🧠",
    "Cni": "CNI installed 🪢",
    "Ztunnel": "Ztunnel installed 🔒",
}
_PRUNED: Final = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Pod"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)


@click.command("install")
@click.option(
    "--set", "-s", "settings", multiple=True, metavar="KEY=VALUE", help="A setting, such as profile=ambient."
)
@click.option(
    "--filename",
    "-f",
    "files",
    multiple=True,
    type=click.File(),
    help="An IstioOperator; `-` is standard input.",
)
@click.option("--skip-confirmation", "-y", is_flag=True, help="Do not ask.")
@click.option("--readiness-timeout", type=DURATION, default="300s", help="How long each component may take.")
@connected
@click.pass_obj
def install_command(
    session: Session,
    settings: tuple[str, ...],
    files: tuple[IO[str], ...],
    skip_confirmation: bool,
    readiness_timeout: float,
) -> None:
    """Install Istio in the cluster."""
    values = parse(settings, [_operator(file) for file in files])
    profile, api = PROFILES[values.profile], session.api
    if not skip_confirmation:
        _confirm(f'This will install the Istio {ISTIO} profile "{values.profile}" into the cluster. ')
    install(api, values, readiness_timeout)
    for part in profile.lacks:
        click.echo(f"{part} left out: this stand-in has only those that are declared with Gateway API.")
    click.echo(profile.farewell)


def _operator(file: IO[str]) -> Object:
    try:
        found = yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise Failed(f"{file.name} is no YAML: {error}", UNREADABLE) from error
    return found if isinstance(found, dict) else {}


def install(api: Api, values: Values, patience: float) -> None:
    """Installs and waits, saying what is done. Raises Failed."""
    if api.get("v1", "Namespace", "", NAMESPACE) is None:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, MANAGER)
    wanted: set[tuple[str, str, str]] = set()
    for stage in PROFILES[values.profile].stages:
        applied = {component: _applied(api, component, values) for component in stage}
        for component, objects in applied.items():
            wait_ready(api, objects, patience)
            click.echo(f"✔ {_LINES[component]}")
            wanted.update(_key(obj) for obj in objects)
    stale = [obj for obj in owned(api) if obj["kind"] != "Pod" and _key(obj) not in wanted]
    if stale:
        click.echo("- Pruning removed resources", nl=False)
    for obj in stale:
        if api.delete(obj):
            click.echo(f"  Removed {described(obj)}.")
    click.echo("✔ Installation complete")


def _applied(api: Api, component: str, values: Values) -> list[Object]:
    objects = (customised(obj, values) for obj in component_objects(component))
    return [api.apply(obj, MANAGER, force=True) for obj in objects]


@click.command("uninstall")
@click.option("--purge", is_flag=True, help="Delete everything of Istio's.")
@click.option("--skip-confirmation", "-y", is_flag=True, help="Do not ask.")
@connected
@click.pass_obj
def uninstall_command(session: Session, purge: bool, skip_confirmation: bool) -> None:
    """Uninstall Istio from the cluster."""
    if not purge:
        raise Failed(
            "at least one of the --revision (or --set revision=), --filename or --purge flags must be set; "
            "this stand-in knows --purge",
            USAGE,
        )
    click.echo("All Istio resources will be pruned from the cluster")
    if not skip_confirmation:
        _confirm()
    for obj in owned(session.api):
        if session.api.delete(obj):
            click.echo(f"  Removed {described(obj)}.")
    click.echo("✔ Uninstall complete")


def owned(api: Api) -> list[Object]:
    """Whatever carries the label of a component, in the order in which it is removed."""
    return [obj for version, kind in _PRUNED for obj in api.all(version, kind, selector=_OWNED)]


def described(obj: Object) -> str:
    """An object as Go prints its kind, name and namespace: `apps/v1, Kind=Deployment/istiod.istio-system`."""
    version: str = obj["apiVersion"]
    group = version if "/" in version else f"/{version}"
    return f"{group}, Kind={obj['kind']}/{name_of(obj)}.{namespace_of(obj)}"


def _confirm(what: str = "") -> None:
    click.echo(f"{what}Proceed? (y/N) ", nl=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        click.echo("Cancelled.")
        raise click.exceptions.Exit(1)


def _key(obj: Object) -> tuple[str, str, str]:
    return obj["kind"], namespace_of(obj), name_of(obj)
