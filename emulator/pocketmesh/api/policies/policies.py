"""The policies of a cluster, put to every write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.api.policies import judgement
from pocketmesh.api.policies.judgement import Objection
from pocketmesh.api.policies.matching import Request, is_exempt, matches
from pocketmesh.api.selectors import of_selector
from pocketmesh.objects import Object, labels_of, name_of
from pocketmesh.schema.kinds import Kinds
from pocketmesh.store import Key, Store

POLICIES: Final = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS: Final = "validatingadmissionpolicybindings.admissionregistration.k8s.io"


class _Misconfigured(Exception):
    """A binding cannot be followed."""


class Policies:
    """Asks the ValidatingAdmissionPolicies in a store."""

    def __init__(self, store: Store, kinds: Kinds) -> None:
        self._store = store
        self._kinds = kinds

    def check(self, request: Request) -> tuple[str, ...]:
        """What the writer should be warned of. Raises ApiError, 422 by default, when a policy denies."""
        if is_exempt(request.kind):
            return ()
        warnings: list[str] = []
        for policy, binding in self._bound(request):
            for objection in self._objections(policy, binding, request):
                actions = binding["spec"].get("validationActions") or ()
                if "Deny" in actions:
                    raise judgement.denial(request, policy, binding, objection)
                if "Warn" in actions:
                    warnings.append(judgement.warning(policy, binding, objection))
        return tuple(warnings)

    def _bound(self, request: Request) -> Iterator[tuple[Object, Object]]:
        """The policies that are about the request, each with every binding that puts it to work."""
        for stored in self._store.objects(BINDINGS):
            binding = stored.object
            policy = self._store.get(Key(POLICIES, "", binding["spec"].get("policyName") or ""))
            if (
                policy is not None
                and matches(policy.object["spec"]["matchConstraints"], request, self._kinds.versions)
                and matches(binding["spec"].get("matchResources") or {}, request, self._kinds.versions)
            ):
                yield policy.object, binding

    def _objections(self, policy: Object, binding: Object, request: Request) -> Iterator[Objection]:
        try:
            found = self._params(policy["spec"], binding["spec"], request)
        except _Misconfigured as misconfigured:
            if policy["spec"].get("failurePolicy") != "Ignore":
                problem = Objection(f"failed to configure binding: {misconfigured}")
                raise judgement.denial(request, policy, binding, problem) from misconfigured
            return
        for params in found:
            yield from judgement.objections(policy, request, params)

    def _params(self, policy: Object, binding: Object, request: Request) -> list[Object | None]:
        """The objects that the policy is judged with, one after the other; none at all skips it."""
        wanted, reference = policy.get("paramKind"), binding.get("paramRef")
        if not wanted or not reference:
            return [None]
        kind = self._kinds.of(wanted["apiVersion"], wanted["kind"])
        if kind is None:
            raise _Misconfigured(
                f"failed to find resource referenced by paramKind: '{wanted['apiVersion']}, "
                f"Kind={wanted['kind']}'"
            )
        place = reference.get("namespace") or ""
        if kind.namespaced and not place:
            if request.namespace is None:
                raise _Misconfigured(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                )
            place = name_of(request.namespace)
        elif place and not kind.namespaced:
            raise _Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        found = self._referred(kind.resource, place, reference)
        if not found and reference.get("parameterNotFoundAction") != "Allow":
            raise _Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
        return [*found]

    def _referred(self, resource: str, namespace: str, reference: Object) -> list[Object]:
        if reference.get("name"):
            stored = self._store.get(Key(resource, namespace, reference["name"]))
            return [stored.object] if stored else []
        terms = of_selector(reference.get("selector") or {})
        objects = [stored.object for stored in self._store.objects(resource, namespace)]
        return [obj for obj in objects if all(term.matches(labels_of(obj)) for term in terms)]
