"""PeerAuthentications as what istiod makes of them: policies that deny whoever has no identity.

A workload obeys at most one, merged from its mesh, its namespace and itself. Without exceptions for single
ports that is the same static policy for all; with them, one converted from the object that names the ports.
Upstream: istio/istio architecture/ambient/peer-authentication.md,
pilot/pkg/serviceregistry/ambient/{authorization,policies}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.mesh.policy import L4Policy, L4Rule, PeerAuthentication, Term

_NOBODY: Final = (Term("principal", ("*",), negated=True),)
STATIC_STRICT: Final = L4Policy(
    namespace="istio-system",
    name="istio_converted_static_strict",
    action="DENY",
    scope="",
    selector={},
    rules=(L4Rule(((_NOBODY,),)),),
)
"""What every workload in mode STRICT refers to."""


@dataclass(frozen=True, slots=True)
class _Levels:
    """The oldest PeerAuthentication of each level."""

    mesh: PeerAuthentication | None = None
    namespace: PeerAuthentication | None = None
    workload: PeerAuthentication | None = None

    @property
    def deciding(self) -> PeerAuthentication | None:
        """The narrowest that says a mode for ports that are not named; UNSET inherits."""
        levels = [level for level in (self.workload, self.namespace, self.mesh) if level]
        return next((level for level in levels if level.mode != "UNSET"), None)

    @property
    def strict(self) -> bool:
        """Whether mutual TLS is required at ports that are not named."""
        return self.deciding is not None and self.deciding.mode == "STRICT"


def mtls_policy(
    authentications: Iterable[PeerAuthentication], namespace: str, labels: Mapping[str, str]
) -> L4Policy | None:
    """The policy by which a workload's ztunnel requires mutual TLS; None when it requires it nowhere."""
    levels = _levels(list(authentications), namespace, labels)
    if levels.workload and (converted := _converted(levels.workload, strict=levels.strict)):
        return converted
    return STATIC_STRICT if levels.strict else None


def demanding(
    authentications: Iterable[PeerAuthentication], namespace: str, labels: Mapping[str, str]
) -> str:
    """The `namespace/name` of the object that `mtls_policy` comes from; empty when there is none."""
    levels = _levels(list(authentications), namespace, labels)
    named = levels.workload and _converted(levels.workload, strict=levels.strict)
    found = levels.workload if named else levels.deciding
    return f"{found.namespace}/{found.name}" if found else ""


def converted_policies(authentications: Sequence[PeerAuthentication]) -> list[L4Policy]:
    """The policies of all objects that name ports, in force or not."""
    found = (
        _converted(entry, strict=_levels(authentications, entry.namespace, entry.selector, entry).strict)
        for entry in authentications
        if entry.selector
    )
    return [policy for policy in found if policy]


def _levels(
    authentications: Iterable[PeerAuthentication],
    namespace: str,
    labels: Mapping[str, str],
    workload: PeerAuthentication | None = None,
) -> _Levels:
    oldest = sorted(authentications, key=lambda entry: (entry.created, entry.namespace, entry.name))
    own = [entry for entry in oldest if entry.applies(namespace, labels)]
    selecting = (entry for entry in own if entry.selector)
    return _Levels(
        mesh=next((entry for entry in own if not entry.selector and not entry.scope), None),
        namespace=next((entry for entry in own if not entry.selector and entry.scope), None),
        workload=workload or next(selecting, None),
    )


def _converted(entry: PeerAuthentication, *, strict: bool) -> L4Policy | None:
    """The policy for the ports whose mode is another than that of the rest; None when there are none."""
    modes = {port: mode == "STRICT" for port, mode in entry.ports.items() if mode != "UNSET"}
    ports = tuple(str(port) for port in sorted(modes) if modes[port] is not strict)
    if not ports:
        return None
    where = (Term("destination.port", ports, negated=strict),)
    return L4Policy(
        namespace=entry.namespace,
        name=f"converted_peer_authentication_{entry.name}",
        action="DENY",
        scope=entry.scope,
        selector=entry.selector,
        rules=(L4Rule(((_NOBODY,), (where,))),),
    )
