"""ResourceQuotas: what of each is used (pkg/controller/resourcequota, pkg/quota/v1/evaluator/core).

Counting only: nothing is refused here for want of quota. Scopes other than those of pods' ends and
qualities are not told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.pods import phase
from pocketmesh.objects import Object, name_of
from pocketmesh.schema.quantity import canonical, parse
from pocketmesh.store import Event

RESOURCE: Final = "resourcequotas"
_COUNTED: Final = {
    "services": "services",
    "configmaps": "configmaps",
    "secrets": "secrets",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
}
_NODE_PORTS: Final = ("NodePort", "LoadBalancer")


class Quotas:
    """Keeps the usage of each namespace's quotas."""

    name = "resourcequota"

    def __init__(self, client: Client) -> None:
        self._client = client

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, RESOURCE)
        if event.key.namespace and event.key.resource not in ("events", RESOURCE):
            for quota in self._client.all(RESOURCE, event.key.namespace):
                yield (event.key.namespace, name_of(quota))

    def reconcile(self, key: Place) -> float | None:
        quota = self._client.get(RESOURCE, *key)
        if quota is None:
            return None

        def objects(resource: str) -> list[Object]:
            return self._client.all(resource, key[0])

        hard = quota["spec"].get("hard") or {}
        used = {name: usage(name, quota["spec"].get("scopes") or [], objects) for name in hard}
        status = {"hard": hard, "used": {name: found for name, found in used.items() if found}}
        self._client.update_status(RESOURCE, {**quota, "status": status})
        return None


def usage(name: str, scopes: Sequence[str], objects: Callable[[str], list[Object]]) -> str:
    """How much of a quota's resource is used, empty for one that is not known."""
    if name.startswith("count/"):
        return str(len(objects(name.removeprefix("count/"))))
    if name in _COUNTED:
        return str(len(objects(_COUNTED[name])))
    if name == "services.loadbalancers":
        return str(sum(each["spec"].get("type") == "LoadBalancer" for each in objects("services")))
    if name == "services.nodeports":
        exposed = [each["spec"] for each in objects("services") if each["spec"].get("type") in _NODE_PORTS]
        return str(sum(len(spec.get("ports") or []) for spec in exposed))
    if name == "requests.storage":
        claims = [each["spec"].get("resources") or {} for each in objects("persistentvolumeclaims")]
        return _total((each.get("requests") or {}).get("storage", 0) for each in claims)
    pods = [pod for pod in objects("pods") if phase(pod) not in ("Succeeded", "Failed") and _in(pod, scopes)]
    if name == "pods":
        return str(len(pods))
    kind, _, resource = name.rpartition(".")
    if kind not in ("", "requests", "limits"):
        return ""
    return _total(_of_pod(pod, kind or "requests", resource) for pod in pods)


def _in(pod: Object, scopes: Sequence[str]) -> bool:
    effort = (pod.get("status") or {}).get("qosClass") == "BestEffort"
    ends = "activeDeadlineSeconds" in pod["spec"]
    holds = {
        "BestEffort": effort,
        "NotBestEffort": not effort,
        "Terminating": ends,
        "NotTerminating": not ends,
    }
    return all(holds.get(scope, True) for scope in scopes)


def _of_pod(pod: Object, kind: str, resource: str) -> Fraction:
    """What a pod asks for: all its containers together, or the largest init container if that is more."""

    def of(containers: Iterable[Object]) -> list[Fraction]:
        asked = ((each.get("resources") or {}).get(kind) or {} for each in containers)
        return [parse(each.get(resource, 0)) for each in asked]

    spec = pod["spec"]
    return max(sum(of(spec["containers"]), Fraction(0)), *of(spec.get("initContainers") or []), Fraction(0))


def _total(amounts: Iterable[object]) -> str:
    found = sum(
        (amount if isinstance(amount, Fraction) else parse(amount) for amount in amounts), Fraction(0)
    )
    return canonical(_shortest(found))


def _shortest(amount: Fraction) -> str:
    """A sum as text that `canonical` can bring into its usual form: binary for whole KiB, else decimal."""
    if amount.denominator == 1:
        return f"{amount.numerator // 1024}Ki" if amount and amount % 1024 == 0 else str(amount.numerator)
    return f"{int(amount * 1000)}m"
