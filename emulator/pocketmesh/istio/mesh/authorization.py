"""AuthorizationPolicies and PeerAuthentications read into what the data plane enforces.

Upstream: istio/istio pilot/pkg/serviceregistry/ambient/{authorization,policies}.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.istio.mesh.model import ROOT_NAMESPACE
from pocketmesh.istio.mesh.policy import (
    Action,
    L4Policy,
    L4Rule,
    PeerAuthentication,
    RequestAuthentication,
    Term,
    WaypointPolicy,
)
from pocketmesh.objects import Object, annotations_of, name_of, namespace_of

DISCOVERY: Final = "/.well-known/openid-configuration"

TargetRef = tuple[str, str, str]

_SOURCE_L7: Final = frozenset(
    {"remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals"}
)
_OPERATION_L7: Final = frozenset({"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"})
_WHEN_L4: Final[dict[str, str]] = {
    "source.ip": "source.ip",
    "source.namespace": "namespace",
    "source.principal": "principal",
    "destination.ip": "destination.ip",
    "destination.port": "destination.port",
}
_SOURCE_TERMS: Final[tuple[tuple[str, str, bool], ...]] = (
    ("principals", "principal", False),
    ("notPrincipals", "principal", True),
    ("namespaces", "namespace", False),
    ("notNamespaces", "namespace", True),
    ("ipBlocks", "source.ip", False),
    ("notIpBlocks", "source.ip", True),
)
_TRUST_DOMAIN: Final = "cluster.local"


def targets(policy: Object) -> list[TargetRef]:
    """What a policy is attached to, as (kind, namespace, name); the namespace is empty for classes."""
    spec = policy.get("spec") or {}
    refs = [*(spec.get("targetRefs") or []), *([spec["targetRef"]] if spec.get("targetRef") else [])]
    found: list[TargetRef] = []
    for ref in refs:
        group = ref.get("group") or ""
        kind = ref.get("kind") or ""
        if (group, kind) not in _TARGETS:
            continue
        namespace = "" if kind == "GatewayClass" else namespace_of(policy)
        found.append((kind, namespace, str(ref.get("name", ""))))
    return found


_TARGETS: Final = frozenset(
    {
        ("", "Service"),
        ("core", "Service"),
        ("networking.istio.io", "ServiceEntry"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    }
)


def is_targeted(policy: Object) -> bool:
    """Whether a policy is for waypoints rather than for ztunnel."""
    spec = policy.get("spec") or {}
    return bool(spec.get("targetRefs") or spec.get("targetRef"))


def is_dry_run(policy: Object) -> bool:
    """Whether a policy is only to be tried out, and so never enforced."""
    return annotations_of(policy).get("istio.io/dry-run") == "true"


def waypoint_policy(policy: Object, root: str = ROOT_NAMESPACE) -> WaypointPolicy:
    """A policy for Envoy, its rules left as they are written."""
    spec = policy.get("spec") or {}
    return WaypointPolicy(
        namespace=namespace_of(policy),
        name=name_of(policy),
        action=spec.get("action") or "ALLOW",
        rules=tuple(spec.get("rules") or ()),
        provider=(spec.get("provider") or {}).get("name") or "",
        scope=_scope(policy, root),
        selector=_selector(spec),
    )


def request_authentication(policy: Object, root: str = ROOT_NAMESPACE) -> RequestAuthentication:
    """Which tokens requests may carry."""
    spec = policy.get("spec") or {}
    return RequestAuthentication(
        namespace=namespace_of(policy),
        name=name_of(policy),
        rules=tuple(spec.get("jwtRules") or ()),
        scope=_scope(policy, root),
        selector=_selector(spec),
    )


def keys_uri(rule: Object) -> str:
    """Where the keys of a RequestAuthentication's issuer are: at the URI that is named, else where the
    issuer's OpenID configuration says; empty when the rule itself has them."""
    if rule.get("jwks"):
        return ""
    issuer = str(rule.get("issuer") or "").rstrip("/")
    discovered = issuer + DISCOVERY if issuer.startswith(("http://", "https://")) else ""
    return str(rule.get("jwksUri") or rule.get("jwks_uri") or discovered)


def l4_policies(policies: Iterable[Object], root: str) -> list[L4Policy]:
    """What ztunnel enforces of the policies without targetRefs; AUDIT, CUSTOM and dry runs are not taken."""
    found: list[L4Policy] = []
    for policy in policies:
        spec = policy.get("spec") or {}
        action = spec.get("action") or "ALLOW"
        if is_targeted(policy) or is_dry_run(policy):
            continue
        if action == "ALLOW":
            found.append(_l4(policy, "ALLOW", root))
        elif action == "DENY":
            found.append(_l4(policy, "DENY", root))
    return found


def peer_authentications(objects: Iterable[Object], root: str) -> list[PeerAuthentication]:
    """The PeerAuthentications with their level; one that selects workloads of the root namespace is ignored
    (istio/istio issue 61023)."""
    found: list[PeerAuthentication] = []
    for obj in objects:
        spec = obj.get("spec") or {}
        namespace = namespace_of(obj)
        if namespace == root and _selector(spec):
            continue
        ports = {int(port): _mode(mtls) for port, mtls in (spec.get("portLevelMtls") or {}).items()}
        created = str(obj["metadata"].get("creationTimestamp", ""))
        scope, selector = _scope(obj, root), _selector(spec)
        mode = _mode(spec.get("mtls") or {})
        found.append(PeerAuthentication(namespace, name_of(obj), created, scope, selector, mode, ports))
    return found


def _selector(spec: Object) -> dict[str, str]:
    return (spec.get("selector") or {}).get("matchLabels") or {}


def _scope(policy: Object, root: str) -> str:
    """The namespace that it is for; "" for the whole mesh."""
    namespace = namespace_of(policy)
    return "" if namespace == root and not _selector(policy.get("spec") or {}) else namespace


def _mode(mtls: Object) -> str:
    return str(mtls.get("mode") or "UNSET")


def _l4(policy: Object, action: Action, root: str) -> L4Policy:
    spec = policy.get("spec") or {}
    namespace = namespace_of(policy)
    rules = [_rule(rule, action, namespace) for rule in spec.get("rules") or []]
    return L4Policy(
        namespace=namespace,
        name=name_of(policy),
        action=action,
        scope=_scope(policy, root),
        selector=_selector(spec),
        rules=tuple(rule for rule in rules if rule is not None),
    )


def _rule(rule: Object, action: Action, namespace: str) -> L4Rule | None:
    if action == "ALLOW" and _speaks_of_requests(rule):
        return None
    clauses: list[tuple[tuple[Term, ...], ...]] = []
    if sources := rule.get("from"):
        clauses.append(tuple(_source(entry.get("source") or {}, namespace) for entry in sources))
    if operations := rule.get("to"):
        clauses.append(tuple(_operation(entry.get("operation") or {}) for entry in operations))
    for condition in rule.get("when") or []:
        clauses.append((_condition(condition),))
    return L4Rule(tuple(clauses))


def _speaks_of_requests(rule: Object) -> bool:
    return (
        any(_SOURCE_L7 & (entry.get("source") or {}).keys() for entry in rule.get("from") or [])
        or any(_OPERATION_L7 & (entry.get("operation") or {}).keys() for entry in rule.get("to") or [])
        or any(condition["key"] not in _WHEN_L4 for condition in rule.get("when") or [])
    )


def _source(source: Object, namespace: str) -> tuple[Term, ...]:
    terms = [
        Term(attribute, tuple(source[name]), negated)  # type: ignore[arg-type]
        for name, attribute, negated in _SOURCE_TERMS
        if source.get(name)
    ]
    for name, negated in (("trustDomains", False), ("notTrustDomains", True)):
        if source.get(name):
            terms.append(Term("principal", tuple(f"{domain}/*" for domain in source[name]), negated))
    for name, negated in (("serviceAccounts", False), ("notServiceAccounts", True)):
        if source.get(name):
            principals = tuple(service_account_principal(entry, namespace) for entry in source[name])
            terms.append(Term("principal", principals, negated))
    return tuple(terms)


def service_account_principal(entry: str, namespace: str) -> str:
    """The principal of `namespace/name`, or of `name` in the policy's own namespace."""
    first, slash, rest = entry.partition("/")
    own, name = (first, rest) if slash else (namespace, first)
    return f"{_TRUST_DOMAIN}/ns/{own}/sa/{name}"


def _operation(operation: Object) -> tuple[Term, ...]:
    return tuple(
        Term("destination.port", tuple(str(port) for port in operation[name]), negated)
        for name, negated in (("ports", False), ("notPorts", True))
        if operation.get(name)
    )


def _condition(condition: Object) -> tuple[Term, ...]:
    attribute = _WHEN_L4.get(condition["key"])
    if attribute is None:
        return ()
    return tuple(
        Term(attribute, tuple(condition[name]), negated)  # type: ignore[arg-type]
        for name, negated in (("values", False), ("notValues", True))
        if condition.get(name)
    )
