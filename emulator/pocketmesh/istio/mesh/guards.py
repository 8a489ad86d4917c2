"""What stands in front of requests: for one place in the mesh, all that a proxy checks before it routes.

Everything that is attached to the place makes one pool, whatever it was attached by: the GatewayClass, the
Gateway or the Service. Upstream: istio/istio pilot/pkg/model/{authorization,authentication}.go
and policyattachment.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.istio.mesh.authorization import TargetRef
from pocketmesh.istio.mesh.mesh_config import ExtensionProvider
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.policy import RequestAuthentication, WaypointPolicy
from pocketmesh.net.services import Place, ServicePort

_AUTHORIZERS: Final = frozenset({"envoyExtAuthzHttp", "envoyExtAuthzGrpc"})


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Whom policies of action CUSTOM ask, and the Service's port where he is."""

    provider: ExtensionProvider
    port: ServicePort


@dataclass(frozen=True, slots=True)
class Guard:
    """The policies of one place; `keys` are key sets by the URI that they were fetched from. Without an
    `authorizer` nobody can be asked, and policies of action CUSTOM refuse."""

    policies: tuple[WaypointPolicy, ...] = ()
    authentications: tuple[RequestAuthentication, ...] = ()
    authorizer: Authorizer | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def waypoint_guard(mesh: Mesh, waypoint: Place, service: TargetRef | None = None) -> Guard:
    """What a waypoint checks for a Service or ServiceEntry, or for what is addressed to a pod itself."""
    gateway_class = mesh.classes.get(waypoint, "")
    places: list[TargetRef] = [("GatewayClass", "", gateway_class), ("Gateway", *waypoint)]
    return _guard(mesh, [*places, service] if service else places)


def gateway_guard(mesh: Mesh, gateway: Place, labels: Mapping[str, str]) -> Guard:
    """What a gateway checks, whose pods have these labels: unlike a waypoint it also obeys the policies of
    its namespace and of the mesh, and those that select it."""
    policies = (policy for policy in mesh.untargeted if policy.applies(gateway[0], labels))
    tokens = (entry for entry in mesh.selecting if entry.applies(gateway[0], labels))
    return _guard(mesh, [("Gateway", *gateway)], tuple(policies), tuple(tokens))


def _guard(
    mesh: Mesh,
    places: Sequence[TargetRef],
    policies: tuple[WaypointPolicy, ...] = (),
    authentications: tuple[RequestAuthentication, ...] = (),
) -> Guard:
    for place in places:
        policies += mesh.targeted.get(place, ())
        authentications += mesh.authentications.get(place, ())
    return Guard(policies, authentications, _authorizer(mesh, policies), mesh.keys)


def _authorizer(mesh: Mesh, policies: Iterable[WaypointPolicy]) -> Authorizer | None:
    """There may be but one, unless istiod is told otherwise."""
    names = {policy.provider for policy in policies if policy.action == "CUSTOM"}
    provider = mesh.config.providers.get(names.pop()) if len(names) == 1 else None
    if provider is None or provider.kind not in _AUTHORIZERS:
        return None
    host = str(provider.settings.get("service", "")).rpartition("/")[2]
    number = int(provider.settings.get("port") or 0)
    place = mesh.hosts.get(host)
    port = mesh.services.port(place, number) if place else None
    return Authorizer(provider, port) if port else None
