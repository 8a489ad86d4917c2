"""Whether a caller may: asks the roles and bindings that are in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pocketmesh.api.auth import rbac
from pocketmesh.api.auth.certificates import MASTERS
from pocketmesh.api.calls import Caller
from pocketmesh.api.errors import ApiError
from pocketmesh.api.server.access import Attributes
from pocketmesh.objects import Object, labels_of, selects
from pocketmesh.store import Key, Store, Stored

_GROUP: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, and what allows it."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """RBAC over the Roles, ClusterRoles and their bindings of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def authorize(self, caller: Caller, wanted: Attributes) -> None:
        """Raises ApiError 403."""
        if not self.decide(caller, wanted).allowed:
            raise _forbidden(caller, _placed(wanted))

    def decide(self, caller: Caller, wanted: Attributes) -> Decision:
        """Whether the caller may."""
        if MASTERS in caller.groups:
            return Decision(True)
        wanted = _placed(wanted)
        for grant in self.grants(caller, wanted.namespace):
            if rbac.allowed(grant.rules, wanted):
                return Decision(True, grant.reason)
        return Decision(False)

    def grants(self, caller: Caller, namespace: str) -> Iterator[Grant]:
        """What the caller's bindings give: those of the cluster, then those of the namespace."""
        for stored in self._store.objects(f"clusterrolebindings.{_GROUP}"):
            if (subject := rbac.applies(stored.object, caller)) is not None:
                yield self._grant(stored.object, subject, "")
        if namespace:
            for stored in self._store.objects(f"rolebindings.{_GROUP}", namespace):
                if (subject := rbac.applies(stored.object, caller)) is not None:
                    yield self._grant(stored.object, subject, namespace)

    def _grant(self, binding: Object, subject: Object, namespace: str) -> Grant:
        role = binding["roleRef"]
        name = binding["metadata"]["name"]
        source = f'"{name}/{namespace}"' if namespace else f'"{name}"'
        who = f'{subject["kind"]} "{subject["name"]}"'
        if subject["kind"] == "ServiceAccount":
            home = subject.get("namespace") or namespace
            who = f'ServiceAccount "{subject["name"]}/{home}"'
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        reason = f'RBAC: allowed by {kind} {source} of {role["kind"]} "{role["name"]}" to {who}'
        return Grant(self.rules(role, namespace) or [], reason)

    def rules(self, role: Object, namespace: str) -> list[Object] | None:
        """What the role gives that a binding in a namespace refers to; None when there is no such role."""
        cluster_wide = role["kind"] == "ClusterRole"
        resource = f"clusterroles.{_GROUP}" if cluster_wide else f"roles.{_GROUP}"
        stored = self._store.get(Key(resource, "" if cluster_wide else namespace, role["name"]))
        if stored is None:
            return None
        return [rule for part in self._parts(stored, set()) for rule in part.get("rules") or []]

    def _parts(self, role: Stored, seen: set[Key]) -> Iterator[Object]:
        """The role and those that it aggregates, by label, and what they aggregate in turn."""
        seen.add(role.key)
        yield role.object
        for selector in (role.object.get("aggregationRule") or {}).get("clusterRoleSelectors") or []:
            for other in self._store.objects(f"clusterroles.{_GROUP}"):
                if other.key not in seen and selects(selector.get("matchLabels"), labels_of(other.object)):
                    yield from self._parts(other, seen)


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules that one binding gives, and how a decision names it."""

    rules: list[Object]
    reason: str


def _placed(wanted: Attributes) -> Attributes:
    """A Namespace is in itself, so that a Role in it can speak of it."""
    if wanted.resource == "namespaces" and not wanted.group and wanted.name and not wanted.namespace:
        return replace(wanted, namespace=wanted.name)
    return wanted


def _forbidden(caller: Caller, wanted: Attributes) -> ApiError:
    """Worded in k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go."""
    if wanted.path:
        message = f'forbidden: User "{caller.user}" cannot {wanted.verb} path "{wanted.path}"'
        return ApiError(403, "Forbidden", message)
    resource = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    why = (
        f'User "{caller.user}" cannot {wanted.verb} resource "{resource}" '
        f'in API group "{wanted.group}" {place}'
    )
    full = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    subject = f'{full} "{wanted.name}"' if wanted.name else full
    details: Object = {"name": wanted.name} if wanted.name else {}
    if wanted.group:
        details["group"] = wanted.group
    details["kind"] = wanted.resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", details)
