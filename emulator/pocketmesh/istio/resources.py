"""The resources that Istio reads and writes, and a view of them that decisions are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pocketmesh.objects import Object, name_of, namespace_of

CONFIG_MAPS: Final = "configmaps"
DAEMON_SETS: Final = "daemonsets.apps"
DEPLOYMENTS: Final = "deployments.apps"
ENDPOINT_SLICES: Final = "endpointslices.discovery.k8s.io"
NAMESPACES: Final = "namespaces"
PODS: Final = "pods"
SECRETS: Final = "secrets"
SERVICES: Final = "services"
SERVICE_ACCOUNTS: Final = "serviceaccounts"
CUSTOM_RESOURCES: Final = "customresourcedefinitions.apiextensions.k8s.io"

GATEWAYS: Final = "gateways.gateway.networking.k8s.io"
GATEWAY_CLASSES: Final = "gatewayclasses.gateway.networking.k8s.io"
HTTP_ROUTES: Final = "httproutes.gateway.networking.k8s.io"
GRPC_ROUTES: Final = "grpcroutes.gateway.networking.k8s.io"
TLS_ROUTES: Final = "tlsroutes.gateway.networking.k8s.io"
TCP_ROUTES: Final = "tcproutes.gateway.networking.k8s.io"
BACKEND_TLS_POLICIES: Final = "backendtlspolicies.gateway.networking.k8s.io"
REFERENCE_GRANTS: Final = "referencegrants.gateway.networking.k8s.io"

VIRTUAL_SERVICES: Final = "virtualservices.networking.istio.io"
DESTINATION_RULES: Final = "destinationrules.networking.istio.io"
SERVICE_ENTRIES: Final = "serviceentries.networking.istio.io"
WORKLOAD_ENTRIES: Final = "workloadentries.networking.istio.io"
AUTHORIZATION_POLICIES: Final = "authorizationpolicies.security.istio.io"
REQUEST_AUTHENTICATIONS: Final = "requestauthentications.security.istio.io"
TELEMETRIES: Final = "telemetries.telemetry.istio.io"
ENVOY_FILTERS: Final = "envoyfilters.networking.istio.io"
WASM_PLUGINS: Final = "wasmplugins.extensions.istio.io"
TRAFFIC_EXTENSIONS: Final = "trafficextensions.extensions.istio.io"

OPT_OUT_OF_ALLOCATION: Final = "networking.istio.io/enable-autoallocate-ip"
"""The label of a ServiceEntry that wants no addresses, with the value "false"."""


class Place(NamedTuple):
    """What a reconciler's key is: where an object of its kind lives."""

    namespace: str
    name: str


def place_of(obj: Object) -> Place:
    """The place of an object."""
    return Place(namespace_of(obj), name_of(obj))


class Reader(Protocol):
    """The objects as they are now; a Client is one. What it returns is shared and must not be changed."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """One object; None when it, or its whole kind, does not exist."""
        ...

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects of a resource, of one namespace when given; none for an unknown kind."""
        ...


class Collection:
    """Objects by resource as a Reader, which do not change while they are looked at."""

    def __init__(self, objects: Mapping[str, Sequence[Object]]) -> None:
        self._objects = objects
        self._places: dict[str, dict[tuple[str, str], Object]] = {}

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        if resource not in self._places:
            found = self._objects.get(resource, ())
            self._places[resource] = {(namespace_of(item), name_of(item)): item for item in found}
        return self._places[resource].get((namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        found = self._objects.get(resource, ())
        return [item for item in found if not namespace or namespace_of(item) == namespace]
