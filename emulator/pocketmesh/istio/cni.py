"""Which pods are in the mesh, and the annotation that says so: the work of istio-cni's node agent.

Upstream: istio/istio cni/pkg/util/{enablement_selector,podutil}.go and cni/pkg/nodeagent/informers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.istio.resources import NAMESPACES, PODS, Place, place_of
from pocketmesh.objects import Object, annotations_of, labels_of, namespace_of
from pocketmesh.store import Event

DATAPLANE_MODE: Final = "istio.io/dataplane-mode"
REDIRECTION: Final = "ambient.istio.io/redirection"
EXCLUDED_NAMESPACES: Final = frozenset({"kube-system"})

_SIDECAR: Final = "sidecar.istio.io/status"
_PLUGIN: Final = (
    'plugin type="istio-cni" name="istio-cni" failed (add): '
    "istio-cni cmdAdd failed to contact node Istio CNI agent: "
)
_NO_ZTUNNEL: Final = "unable to push CNI event (status code 500): partial add error: no ztunnel connection"
_NO_AGENT: Final = (
    'failed to send event request: Post "http://localhost/cmdadd": '
    "dial unix /var/run/istio-cni/pluginevent.sock: connect: connection refused"
)


def enrolled(pod: Object, namespace: Object, excluded: Collection[str] = EXCLUDED_NAMESPACES) -> bool:
    """Whether a pod belongs to the mesh; its own label wins over that of its Namespace, in both
    directions. Pods with a sidecar or on the host's network never do."""
    if namespace_of(pod) in excluded or _SIDECAR in annotations_of(pod):
        return False
    if pod["spec"].get("hostNetwork"):
        return False
    mode = labels_of(pod).get(DATAPLANE_MODE)
    if mode in {"ambient", "none"}:
        return mode == "ambient"
    return labels_of(namespace).get(DATAPLANE_MODE) == "ambient"


def sandbox_failure(*, agent: bool, ztunnel: bool) -> str:
    """Why a new pod that belongs to the mesh cannot have a network; empty if it can.

    Upstream: istio/istio cni/pkg/plugin/{plugin,cnieventclient}.go.
    """
    if agent and ztunnel:
        return ""
    return _PLUGIN + (_NO_ZTUNNEL if agent else _NO_AGENT)


class Enrolment:
    """Enrols pods in place, without a restart, as labels come and go.

    `ztunnel_answers` says whether ztunnel takes the pods over; until it does they are `pending`.
    """

    name = "istio-cni enrolment"

    def __init__(self, client: Client, ztunnel_answers: Callable[[], bool]) -> None:
        self._client = client
        self._ztunnel_answers = ztunnel_answers

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource == PODS and event.type != "DELETED":
            return (Place(namespace, name),)
        if resource == NAMESPACES:
            return self.pods(name)
        return ()

    def pods(self, namespace: str = "") -> list[Place]:
        """The keys of all pods, to look at them again when ztunnel has come or gone."""
        return [place_of(pod) for pod in self._client.all(PODS, namespace)]

    def reconcile(self, key: Place) -> float | None:
        pod = self._client.get(PODS, *key)
        if pod is None or not _has_network(pod):
            return None
        namespace = self._client.get(NAMESPACES, "", key.namespace) or {}
        wanted = self._redirection() if enrolled(pod, namespace) else None
        if annotations_of(pod).get(REDIRECTION) != wanted:
            patch = {"metadata": {"annotations": {REDIRECTION: wanted}}}
            self._client.merge(PODS, *key, patch, "status")
        return None

    def _redirection(self) -> str:
        return "enabled" if self._ztunnel_answers() else "pending"


def _has_network(pod: Object) -> bool:
    status = pod.get("status") or {}
    return bool(status.get("podIP")) and status.get("phase") not in {"Succeeded", "Failed"}
