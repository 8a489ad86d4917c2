"""What `istioctl install --set profile=ambient` leaves in a cluster.

The Gateway API definitions are not part of it: whoever wants waypoints applies them as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Final

import yaml

from pocketmesh.api.client import Client
from pocketmesh.objects import Object, is_true
from pocketmesh.schema.crds import istio_crds
from pocketmesh.versions import ISTIO

MANAGER: Final = "istio-operator"
NAMESPACE: Final = "istio-system"

_CHARTS: Final = {
    "Base": ("istio-reader", "base"),
    "Cni": ("istio-cni", "cni"),
    "Pilot": ("istiod", "istiod"),
    "Ztunnel": ("ztunnel", "ztunnel"),
}
"""The components in the order in which istioctl lets them depend on each other; for each the name of what
it installs and that of its Helm chart, which istioctl renders too."""


def objects() -> list[Object]:
    """Everything of the installation, in the order in which it is applied, labelled as istioctl does."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [
        namespace,
        *(_owned(definition, "Base") for definition in istio_crds()),
        *(_owned(obj, component) for component in _CHARTS for obj in _manifest(component)),
    ]


def install(client: Client) -> None:
    """Applies the installation with a client whose manager is `istio-operator`; repeating it is harmless.

    Raises ApiError.
    """
    kinds = client.registry.kinds
    for obj in objects():
        kind = kinds.of(obj["apiVersion"], obj["kind"])
        assert kind is not None, obj["kind"]
        client.apply(kind.resource, obj)


def ready(client: Client) -> bool:
    """Whether everything of the namespace istio-system that should run does; so also when there is none."""
    deployments = client.all("deployments.apps", NAMESPACE)
    daemon_sets = client.all("daemonsets.apps", NAMESPACE)
    return all(is_true(deployment, "Available") for deployment in deployments) and all(
        0 < status.get("desiredNumberScheduled", 0) == status.get("numberReady", 0)
        for status in (daemon_set.get("status") or {} for daemon_set in daemon_sets)
    )


def _manifest(component: str) -> Iterator[Object]:
    page = resources.files(__package__).joinpath(f"{component.lower()}.yaml").read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    name, chart = _CHARTS[component]
    common = {
        "app.kubernetes.io/instance": "istio",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "istio",
        "app.kubernetes.io/version": ISTIO,
        "helm.sh/chart": f"{chart}-{ISTIO}",
    }
    for obj in yaml.load_all(page.replace("RELEASE", ISTIO), loader):
        template = (obj.get("spec") or {}).get("template") or {}
        for metadata in filter(None, (obj["metadata"], template.get("metadata"))):
            metadata["labels"] = {**common, **(metadata.get("labels") or {})}
        yield obj


def _owned(obj: Object, component: str) -> Object:
    """The object with the labels by which istioctl finds it again (operator/pkg/install/install.go)."""
    labels = {
        "istio.io/rev": "default",
        **(obj["metadata"].get("labels") or {}),
        "install.operator.istio.io/owning-resource": "unknown",
        "install.operator.istio.io/owning-resource-namespace": NAMESPACE,
        "operator.istio.io/component": component,
        "operator.istio.io/managed": "Reconcile",
        "operator.istio.io/version": ISTIO,
    }
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}
