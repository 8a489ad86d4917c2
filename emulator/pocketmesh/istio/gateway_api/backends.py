"""What is wrong with the backends and filters of a route, as `ResolvedRefs` reports it.

Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go (convertHTTPRoute, buildDestination).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.gateway_api.grants import backend_granted
from pocketmesh.istio.resources import SERVICE_ENTRIES, SERVICES, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, namespace_of


@dataclass(frozen=True, slots=True)
class Problem:
    """`drops` says that the rule has no effect at all; otherwise only the share of that backend fails."""

    reason: str
    message: str

    @property
    def drops(self) -> bool:
        return self.reason in {"InvalidDestination", "InvalidFilter"}


_HTTP_FILTERS: Final = frozenset(
    {
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestRedirect",
        "RequestMirror",
        "URLRewrite",
        "CORS",
    }
)
_RULE_FILTERS: Final = {
    "HTTPRoute": _HTTP_FILTERS,
    "GRPCRoute": frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"}),
}
_BACKEND_FILTERS: Final = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier"})


def route_problem(route: Object, *, mesh: bool, reader: Reader, settings: Settings) -> Problem | None:
    """The problem to report for all mesh parents, or for all other parents; the last rule's wins.

    Grants are needed only where the route is attached to a Gateway.
    """
    found = None
    for rule in route["spec"].get("rules") or []:
        found = _rule_problem(route, rule, mesh, reader, settings) or found
    return found


def _rule_problem(
    route: Object, rule: Object, mesh: bool, reader: Reader, settings: Settings
) -> Problem | None:
    mirrored: Problem | None = None
    for item in rule.get("filters") or []:
        if item["type"] not in _RULE_FILTERS.get(route["kind"], frozenset()):
            return _unsupported_filter(item)
        if item["type"] == "RequestMirror":
            reference = item["requestMirror"]["backendRef"]
            mirrored = _backend_problem(route, reference, mesh, reader, settings) or mirrored
    backend: Problem | None = None
    for reference in rule.get("backendRefs") or []:
        if reference.get("weight", 1) == 0:
            continue
        problem = _backend_problem(route, reference, mesh, reader, settings)
        if problem is not None and problem.drops:
            return problem
        backend = problem or backend
        for item in reference.get("filters") or []:
            if item["type"] not in _BACKEND_FILTERS:
                return _unsupported_filter(item)
    if mirrored and backend:
        return Problem(backend.reason, f"{backend.message}; {mirrored.message}")
    return backend or mirrored


def _unsupported_filter(item: Object) -> Problem:
    return Problem("InvalidFilter", f'unsupported filter type "{item["type"]}"')


def _backend_problem(
    route: Object, reference: Object, mesh: bool, reader: Reader, settings: Settings
) -> Problem | None:
    own, name = namespace_of(route), reference["name"]
    namespace = reference.get("namespace") or own
    if not mesh and namespace != own and not backend_granted(route["kind"], own, namespace, name, reader):
        return Problem(
            "RefNotPermitted",
            f"backendRef {name}/{namespace} not accessible to a {route['kind']} in namespace "
            f'"{own}" (missing a ReferenceGrant?)',
        )
    host = f"{name}.{namespace}.svc.{settings.domain}"
    missing: Problem | None = None
    match (reference.get("group", ""), reference.get("kind", "Service")):
        case ("", "Service") if "." in name:
            return Problem(
                "InvalidDestination",
                "service name invalid; the name of the Service must be used, not the hostname.",
            )
        case ("", "Service") | ("multicluster.x-k8s.io", "ServiceImport"):
            if reader.get(SERVICES, namespace, name) is None:
                missing = Problem("BackendNotFound", f"backend({host}) not found")
        case ("networking.istio.io", "Hostname"):
            if "namespace" in reference:
                return Problem("InvalidDestination", "namespace may not be set with Hostname type")
            if not _known_hostname(name, own, reader, settings):
                missing = Problem("BackendNotFound", f"backend({name}) not found")
        case (group, kind):
            return Problem(
                "InvalidKind", f'referencing unsupported backendRef: group "{group}" kind "{kind}"'
            )
    if "port" not in reference:
        return Problem("InvalidDestination", "port is required in backendRef")
    return missing


def _known_hostname(hostname: str, namespace: str, reader: Reader, settings: Settings) -> bool:
    name, _, rest = hostname.partition(".")
    owner, _, domain = rest.partition(".")
    if domain == f"svc.{settings.domain}":
        return reader.get(SERVICES, owner, name) is not None
    entries = reader.all(SERVICE_ENTRIES)
    return any(
        hostname in (entry["spec"].get("hosts") or [])
        and (namespace_of(entry) == namespace or _exported(entry))
        for entry in entries
    )


def _exported(entry: Object) -> bool:
    exported = entry["spec"].get("exportTo") or ["*"]
    return "*" in exported
