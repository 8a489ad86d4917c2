"""Where a request into the cluster goes: a port of one pod."""

from __future__ import annotations

from dataclasses import dataclass

from pocketmesh.api.errors import ApiError, bad_request
from pocketmesh.api.registry import Registry
from pocketmesh.api.selectors import EVERYTHING
from pocketmesh.objects import Object, labels_of


@dataclass(frozen=True, slots=True)
class Address:
    """Where a proxied request goes: a port of a pod."""

    pod: str
    ip: str
    port: int


def pod_address(pod: Object, port: str) -> Address:
    """A pod's own; without a port, the first that a container names. Raises ApiError 400."""
    found = port
    if not port:
        named = (p for container in pod["spec"]["containers"] for p in container.get("ports") or [])
        found = str(next((p["containerPort"] for p in named), 80))
    if not found.isdigit():
        raise bad_request(f'invalid pod request "{pod["metadata"]["name"]}:{port}"')
    return Address(pod["metadata"]["name"], (pod.get("status") or {}).get("podIP", ""), int(found))


def service_address(service: Object, port: str, slices: list[Object]) -> Address:
    """One of a Service's ready endpoints. Raises ApiError 503 when there is none."""
    name = service["metadata"]["name"]
    if port.isdigit():
        ports = service["spec"].get("ports") or []
        numbered = [p.get("name", "") for p in ports if p["port"] == int(port)]
        if not numbered:
            raise unavailable(f'no service port {port} found for service "{name}"')
        port = numbered[0]
    for found in slices:
        for target in found.get("ports") or []:
            for endpoint in found.get("endpoints") or []:
                if (target.get("name") or "") == port and (endpoint.get("conditions") or {}).get("ready"):
                    pod = (endpoint.get("targetRef") or {}).get("name", "")
                    return Address(pod, endpoint["addresses"][0], target["port"])
    raise unavailable(f'no endpoints available for service "{name}"')


def slices_of(registry: Registry, namespace: str, service: str) -> list[Object]:
    """A Service's EndpointSlices."""
    kind = registry.kinds.stored("endpointslices.discovery.k8s.io")
    found = (stored.object for stored in registry.list(kind, namespace, EVERYTHING).items)
    return [each for each in found if labels_of(each).get("kubernetes.io/service-name") == service]


def unavailable(why: str) -> ApiError:
    """503."""
    return ApiError(503, "ServiceUnavailable", why)
