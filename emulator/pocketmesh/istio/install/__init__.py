"""What `istioctl install --set profile=ambient` leaves in a cluster.

The Gateway API definitions are not part of it: whoever wants waypoints applies them as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Final

import yaml

from pocketmesh.objects import Object
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

COMPONENTS: Final = tuple(_CHARTS)


def objects() -> list[Object]:
    """Everything of the installation, in the order in which it is applied, labelled as istioctl does."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [namespace, *(obj for component in COMPONENTS for obj in component_objects(component))]


def component_objects(component: str) -> list[Object]:
    """The objects of one of COMPONENTS, in the order in which they are applied."""
    return [_owned(obj, component) for obj in chart_objects(component)]


def chart_objects(component: str) -> list[Object]:
    """The same as its Helm chart leaves them, which is what istioctl labels."""
    definitions = istio_crds() if component == "Base" else []
    return [*definitions, *_manifest(component)]


def chart_of(component: str) -> str:
    """The name of a component's Helm chart."""
    return _CHARTS[component][1]


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
