"""Who may connect: the policies that ztunnel enforces at the destination, and their evaluation.

ztunnel sees connections, not requests. What a policy says about requests is therefore lost, and how it
is lost is a rule of its own: an ALLOW loses the whole rule, a DENY loses only that part of it.
Upstream: istio/istio pilot/pkg/serviceregistry/ambient/authorization.go, istio/ztunnel src/{rbac,state}.rs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_network
from typing import Final, Literal

from pocketmesh.objects import Object

Action = Literal["ALLOW", "DENY"]


@dataclass(frozen=True, slots=True)
class Peer:
    """The client as the destination's ztunnel sees it; no identity when it came in plain text."""

    ip: str
    identity: str = ""

    @property
    def principal(self) -> str:
        return self.identity.removeprefix("spiffe://")

    @property
    def namespace(self) -> str:
        parts = self.principal.split("/")
        return parts[2] if len(parts) == 5 else ""


@dataclass(frozen=True, slots=True)
class Term:
    """One attribute with the values of which one must match, or none when `negated`."""

    attribute: Literal["principal", "namespace", "source.ip", "destination.ip", "destination.port"]
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class L4Rule:
    """Clauses that must all hold; a clause holds when one of its matches does, a match when all its terms
    do. A rule without clauses always holds, a match without terms never."""

    clauses: tuple[tuple[tuple[Term, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class L4Policy:
    """An AuthorizationPolicy as far as ztunnel understands it; `namespace` "" of scope means everywhere."""

    namespace: str
    name: str
    action: Action
    scope: str
    selector: Mapping[str, str]
    rules: tuple[L4Rule, ...]

    @property
    def shown(self) -> str:
        return f"{self.namespace}/{self.name}"

    def applies(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it protects a workload."""
        return _applies(self, namespace, labels)


@dataclass(frozen=True, slots=True)
class WaypointPolicy:
    """An AuthorizationPolicy as Envoy understands it, which is all of it. `provider` is whom CUSTOM asks;
    `scope` and `selector` say, without targetRefs, which gateways obey it."""

    namespace: str
    name: str
    action: str
    rules: tuple[Object, ...]
    provider: str = ""
    scope: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)

    def applies(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it is meant for a workload."""
        return _applies(self, namespace, labels)


@dataclass(frozen=True, slots=True)
class RequestAuthentication:
    """A RequestAuthentication: the issuers whose tokens are accepted, as they are written."""

    namespace: str
    name: str
    rules: tuple[Object, ...]
    scope: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)

    def applies(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it is meant for a workload."""
        return _applies(self, namespace, labels)


@dataclass(frozen=True, slots=True)
class PeerAuthentication:
    """A PeerAuthentication; `scope` is "" for the whole mesh."""

    namespace: str
    name: str
    created: str
    scope: str
    selector: Mapping[str, str]
    mode: str
    ports: Mapping[int, str]

    def applies(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it is about a workload."""
        return _applies(self, namespace, labels)


NONE_ALLOWED: Final = "connection closed due to policy rejection: allow policies exist, but none allowed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a connection is admitted, and the policies that said so."""

    admitted: bool
    policy: str = ""
    error: str = ""


def judge(
    policies: Iterable[L4Policy],
    peer: Peer,
    *,
    namespace: str,
    labels: Mapping[str, str],
    ip: str,
    port: int,
) -> Judgement:
    """Whether a workload's ztunnel lets a peer connect to its `port`.

    A matching DENY refuses; then, if there is any ALLOW, one of them must match.
    """
    own = [policy for policy in policies if policy.applies(namespace, labels)]
    for policy in own:
        if policy.action == "DENY" and _matches(policy, peer, ip, port):
            return _denied(policy.shown)
    allows = [policy for policy in own if policy.action == "ALLOW"]
    if not allows:
        return Judgement(True)
    for policy in allows:
        if _matches(policy, peer, ip, port):
            return Judgement(True, policy.shown)
    return Judgement(False, ", ".join(policy.shown for policy in allows), NONE_ALLOWED)


def _applies(
    policy: L4Policy | WaypointPolicy | RequestAuthentication | PeerAuthentication,
    namespace: str,
    labels: Mapping[str, str],
) -> bool:
    if policy.scope not in {"", namespace}:
        return False
    return all(labels.get(key) == value for key, value in policy.selector.items())


def _denied(policy: str) -> Judgement:
    error = f"connection closed due to policy rejection: explicitly denied by: {policy}"
    return Judgement(False, policy, error)


def _matches(policy: L4Policy, peer: Peer, ip: str, port: int) -> bool:
    return any(
        all(
            any(match and all(_holds(term, peer, ip, port) for term in match) for match in clause)
            for clause in rule.clauses
        )
        for rule in policy.rules
    )


def _holds(term: Term, peer: Peer, ip: str, port: int) -> bool:
    match term.attribute:
        case "principal":
            found = any(peer.principal and _like(value, peer.principal) for value in term.values)
        case "namespace":
            found = any(peer.namespace and _like(value, peer.namespace) for value in term.values)
        case "source.ip":
            found = any(_within(peer.ip, value) for value in term.values)
        case "destination.ip":
            found = any(_within(ip, value) for value in term.values)
        case "destination.port":
            found = str(port) in term.values
    return found is not term.negated


def _like(pattern: str, value: str) -> bool:
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern


def _within(ip: str, block: str) -> bool:
    try:
        return IPv4Address(ip) in ip_network(block, strict=False)
    except ValueError:
        return False
