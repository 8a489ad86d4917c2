"""The installation in a cluster that comes with Istio: applied from inside, not through the API's port."""

from __future__ import annotations

from pocketmesh.api.client import Client
from pocketmesh.istio.install import NAMESPACE, objects
from pocketmesh.objects import is_true


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
