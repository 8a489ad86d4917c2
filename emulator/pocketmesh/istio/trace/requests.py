"""What a proxy's record of a request says, in words and with the object behind it.

Envoy decided; here its response code details and flags are only read.
Details: envoyproxy/envoy envoy/stream_info/stream_info.h, docs/root/configuration/http/http_conn_man.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.decide import Hop
from pocketmesh.istio.mesh.guards import Guard
from pocketmesh.istio.mesh.policy import RequestAuthentication, WaypointPolicy
from pocketmesh.istio.mesh.routing import Rule
from pocketmesh.istio.trace.filters import filtered

UNGUARDED: Final = Guard()

_REFUSED: Final = re.compile(r"rbac_access_denied_matched_policy\[(.*)\]")
_POLICY: Final = re.compile(r"ns\[(.+?)\]-policy\[(.+?)\]-rule\[(\d+)\]")
_IN_BRACES: Final = re.compile(r"\{(.*)\}")
_CLUSTER: Final = re.compile(r"[\w-]+\|(\d+)\|([^|]*)\|(.+)")

_DETAILS: Final = {
    "route_not_found": "finds no rule that matches",
    "cluster_not_found": "finds no such backend",
    "no_healthy_upstream": "finds no ready endpoint",
    "ext_authz_denied": "the external authorizer says no",
    "ext_authz_error": "the external authorizer cannot be asked",
    "fault_filter_abort": "aborts it, an injected fault",
    "local_rate_limited": "refuses it: too many requests",
    "response_timeout": "gives up waiting for the answer",
    "upstream_response_timeout": "gives up waiting for the answer",
    "upstream_per_try_timeout": "gives up waiting for the last try",
    "upstream_max_stream_duration_reached": "gives up: it took too long",
    "direct_response": "answers itself",
}
_WAITED: Final = frozenset(detail for detail, did in _DETAILS.items() if did.startswith("gives up"))


def explain(at: str, record: Record, rules: Sequence[Rule] = (), guard: Guard = UNGUARDED) -> tuple[Hop, ...]:
    """What a proxy did, in order: authorization, route, backend, outcome.

    `rules` and `guard` are those of the Service that was dialled.
    """
    if refusal := _refusal(record, guard):
        return (Hop(at, *refusal),)
    hops: list[Hop] = []
    if guard.policies and record.method:
        hops.append(Hop(at, f"admits {_who(record)}", _listed(guard.policies)))
    hops += _routed(at, record, rules)
    failure = _failure(record)
    if record.upstream and (not failure or waited(record)):
        how = f" over {record.upstream_tls}" if record.upstream_tls else ""
        sent = f"sends it to {record.upstream}{how}{_tries(record)}"
        hops.append(Hop(at, sent, _backend(record.cluster)))
    if failure:
        hops.append(Hop(at, failure, record.trouble or record.flags))
    return tuple(hops)


def waited(record: Record) -> bool:
    """Whether the proxy sent the request on and then gave up, so that its last hop is the last of all."""
    return bool(record.upstream) and record.details.partition("{")[0] in _WAITED


def _refusal(record: Record, guard: Guard) -> tuple[str, str] | None:
    who = _who(record)
    if found := _REFUSED.match(record.details or record.termination):
        policy = _POLICY.match(found.group(1))
        if policy:
            namespace, name, rule = policy.groups()
            return f"refuses {who}: denied", f"AuthorizationPolicy {namespace}/{name}, rule {rule}"
        return f"refuses {who}: there are ALLOW policies and none admits", _listed(guard.policies)
    if record.details.startswith("jwt_authn_access_denied"):
        why = _IN_BRACES.search(record.details)
        said = why.group(1).replace("_", " ") if why else "not valid"
        return f"refuses the token: {said}", _named("RequestAuthentication", guard.authentications)
    if record.details.startswith("ext_authz"):
        asked = f"provider {guard.authorizer.provider.name}" if guard.authorizer else ""
        return f"refuses {who}: {_DETAILS[record.details.partition('{')[0]]}", asked
    return None


def _routed(at: str, record: Record, rules: Sequence[Rule]) -> Iterator[Hop]:
    # Rules of VirtualServices need no names, and Envoy tells nothing else of them.
    chosen = [rule for rule in rules if rule.name == record.route and record.method]
    if record.details == "route_not_found":
        yield Hop(at, _DETAILS["route_not_found"], _routes(rules))
    elif len(chosen) == 1:
        rule = chosen[0]
        yield Hop(
            at, f"matches {rule.match.path_type} {rule.match.path}", f"{_route(rule)}, rule {rule.index}"
        )
        yield from (Hop(at, did) for did in filtered(rule))
    elif record.route == "default" and not chosen:
        yield Hop(at, "has no route for it and keeps its destination")
    elif record.route or chosen:
        yield Hop(at, "follows a rule", _routes(chosen or rules))


def _routes(rules: Iterable[Rule]) -> str:
    return ", ".join(dict.fromkeys(_route(rule) for rule in rules))


def _route(rule: Rule) -> str:
    return f"{rule.kind} {rule.route[0]}/{rule.route[1]}"


def _failure(record: Record) -> str:
    reason = record.details.partition("{")[0]
    if reason in _DETAILS:
        return "" if reason == "route_not_found" else _DETAILS[reason]
    if reason.startswith("upstream_reset_before_response_started"):
        why = _IN_BRACES.search(record.details)
        said = why.group(1).replace("_", " ") if why else "reset"
        return f"is broken off by {record.upstream or 'the backend'}: {said}"
    if record.method and reason not in {"via_upstream", ""}:
        return f"answers itself: {reason.replace('_', ' ')}"
    return ""


def _backend(cluster: str) -> str:
    parts = _CLUSTER.fullmatch(cluster)
    return f"Service {parts.group(3)}:{parts.group(1)}" if parts else cluster


def _tries(record: Record) -> str:
    return f", try {record.attempts}" if record.attempts > 1 else ""


def _who(record: Record) -> str:
    return record.identity or "a client without identity"


def _listed(policies: Iterable[WaypointPolicy]) -> str:
    return _named("AuthorizationPolicy", policies)


def _named(kind: str, objects: Iterable[WaypointPolicy | RequestAuthentication]) -> str:
    return ", ".join(f"{kind} {one.namespace}/{one.name}" for one in objects)
