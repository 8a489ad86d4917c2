"""Between what a client wrote and what is stored: the schema's judgement, owners, the server's own fields.

The rules themselves are pure and live elsewhere; this is the place that looks at other objects for
them: namespaces, the Services that hold addresses, the ServiceAccount of a pod.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from pocketmesh.api import (
    certificate_requests,
    definitions,
    errors,
    jobs,
    limits,
    pods,
    quota,
    refusals,
    services,
    strategy,
    volumes,
)
from pocketmesh.api.calls import Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.ownership import tracking
from pocketmesh.api.ownership.managers import Owners
from pocketmesh.api.ownership.tracking import Writer
from pocketmesh.api.ownership.typed import KeyMissing
from pocketmesh.api.policies.matching import Operation, Request
from pocketmesh.api.policies.policies import Policies
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.objects import Object
from pocketmesh.schema.errors import Undecodable
from pocketmesh.schema.kinds import Kind, Kinds
from pocketmesh.schema.prepare import prepare
from pocketmesh.store import Key, Store

_PRIORITY_CLASSES: Final = "priorityclasses.scheduling.k8s.io"
# What an update keeps although its writer left it out.
_CARRIED_OVER: Final = {"pods": pods.carried_over, "services": services.carried_over}


@dataclass(frozen=True, slots=True)
class Admitted:
    """An object that may be stored, and what to warn its writer of."""

    object: Object
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """A change on its way: the new object and the one it replaces.

    `owners` are known for an apply already; otherwise they follow from the difference. `refused` words
    the refusal of what does not fit the kind; without it, that of a body.
    """

    kind: Kind
    new: Object
    old: Object | None
    write: Write
    subresource: str = ""
    owners: Owners | None = None
    refused: Callable[[str], ApiError] | None = None


class Admission:
    """Judges and completes writes. Every refusal is an ApiError."""

    def __init__(self, store: Store, kinds: Kinds, clock: Clock) -> None:
        self._store = store
        self._kinds = kinds
        self._clock = clock
        self._policies = Policies(store, kinds)
        self._guards: list[Callable[[Request], None]] = []
        self._held = store.index("services", services.held)

    def guard(self, check: Callable[[Request], None]) -> None:
        """Puts every write to `check` too."""
        self._guards.append(check)

    def check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        """Raises ApiError: 404 no such namespace, 403 it is being terminated."""
        found = self._store.get(Key("namespaces", "", namespace))
        if found is None:
            raise errors.not_found(self._kinds.stored("namespaces"), namespace)
        if "deletionTimestamp" in found.object["metadata"]:
            raise errors.namespace_terminating(kind, name, namespace)

    def admit(self, wish: Wish) -> Admitted:
        """The object as it will be stored. Raises ApiError: 400, 403 or 422."""
        kind, old = wish.kind, wish.old
        metadata = {**wish.new["metadata"]}
        stated = metadata.pop("managedFields", None)
        new, warnings = self._judged(wish, {**wish.new, "metadata": metadata})
        owners = self._owners(wish, new, stated) if wish.owners is None else wish.owners
        new = strategy.with_first_status(kind, new)
        new = self._completed(kind, new, old, wish.write)
        changed = old if wish.subresource != "status" else None
        generation = strategy.generation(kind, new, changed) if changed is not None else None
        if generation is not None:
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        new = tracking.managed(new, owners)
        if old is not None:
            new = tracking.without_new_times(new, old)
        request = self._request(kind, wish.write, new, old, wish.subresource)
        return Admitted(new, (*warnings, *self._let_through(request)))

    def admit_deletion(self, kind: Kind, obj: Object, write: Write) -> tuple[str, ...]:
        """What to warn of when an object is to go. Raises ApiError when a policy denies it."""
        return self._let_through(self._request(kind, write, None, obj, ""))

    def writer(self, write: Write, subresource: str) -> Writer:
        """Who the owner of what is written now will be."""
        return Writer(write.manager or "unknown", subresource, rfc3339(self._clock.now()))

    def _let_through(self, request: Request) -> tuple[str, ...]:
        """What to warn of. Raises ApiError when a guard, a policy or a quota says no."""
        for check in self._guards:
            check(request)
        warnings = self._policies.check(request)
        if (
            request.namespace is not None
            and request.new is not None
            and request.subresource in ("", "resize")
        ):
            self._check_quota(request, request.new)
        return warnings

    def _check_quota(self, request: Request, new: Object) -> None:
        kind, place = request.kind, new["metadata"]["namespace"]
        quotas = [stored.object for stored in self._store.objects("resourcequotas", place)]
        if not quotas:
            return

        def others() -> list[Object]:
            found = self._store.objects(kind.resource, place)
            return [stored.object for stored in found if stored.key.name != request.name]

        problem = quota.problem(kind.resource, new, request.old, quotas, others)
        if problem is not None:
            raise errors.forbidden(kind, request.name, problem)

    def _request(
        self, kind: Kind, write: Write, new: Object | None, old: Object | None, subresource: str
    ) -> Request:
        metadata = (new or old or {})["metadata"]
        operation: Operation = "DELETE" if new is None else "UPDATE" if old is not None else "CREATE"
        place = self._store.get(Key("namespaces", "", metadata.get("namespace") or ""))
        return Request(
            kind, operation, metadata["name"], write, new, old, subresource, place.object if place else None
        )

    def _judged(self, wish: Wish, new: Object) -> tuple[Object, tuple[str, ...]]:
        kind, write = wish.kind, wish.write
        refused = wish.refused or partial(refusals.of_body, kind)
        if wish.old is not None and wish.subresource != "status" and kind.resource in _CARRIED_OVER:
            new = _CARRIED_OVER[kind.resource](new, wish.old)
        # What these may change is decided by the subresource, not by the rules for the whole object.
        old = None if wish.subresource in ("binding", "ephemeralcontainers", "resize") else wish.old
        try:
            prepared = prepare(kind, new, old, proven=write.proven)
        except Undecodable as error:
            raise refused(str(error)) from error
        warnings: tuple[str, ...] = ()
        if prepared.unknown and write.validation != "Ignore":
            warnings = tuple(f'unknown field "{path}"' for path in prepared.unknown)
            if write.validation == "Strict":
                raise refused(f"strict decoding error: {', '.join(warnings)}")
        if prepared.errors:
            raise errors.invalid(kind, new["metadata"].get("name", ""), prepared.errors)
        return prepared.object, warnings

    def _owners(self, wish: Wish, new: Object, stated: object) -> Owners:
        owners = tracking.entries_of(wish.old)
        known = wish.old["metadata"].get("managedFields") if wish.old else None
        if not wish.subresource and stated is not None and stated != known:
            # Whoever does not know of owners, or writes nonsense, leaves them as they are.
            owners = [] if tracking.is_reset(stated) else tracking.stated_entries(stated) or owners
        writer = self.writer(wish.write, wish.subresource)
        try:
            return tracking.after_update(wish.kind, wish.old, new, owners, writer)
        except KeyMissing:
            return owners

    def _completed(self, kind: Kind, obj: Object, old: Object | None, write: Write) -> Object:
        match kind.resource:
            case "services":
                return self._allocated(kind, obj, old)
            case "pods" if old is None:
                return self._pod(kind, obj)
            case "persistentvolumeclaims":
                return self._claim(kind, obj, old)
            case "persistentvolumes" if old is None:
                return volumes.new_volume(obj)
            case "jobs.batch" if old is None:
                return jobs.admitted(obj)
            case certificate_requests.RESOURCE:
                return self._request_to_sign(kind, obj, old, write)
            case definitions.RESOURCE:
                return self.established(obj)
        return obj

    def established(self, crd: Object) -> Object:
        name = crd["metadata"]["name"]
        others = (stored.object for stored in self._store.objects(definitions.RESOURCE))
        named = [other for other in others if other["metadata"]["name"] != name]
        return definitions.established(crd, named, rfc3339(self._clock.now()))

    def _allocated(self, kind: Kind, service: Object, old: Object | None) -> Object:
        try:
            return services.allocated(service, old, self._held)
        except services.Refused as refused:
            raise errors.invalid(kind, service["metadata"]["name"], refused.problems) from refused

    def _pod(self, kind: Kind, pod: Object) -> Object:
        """A new pod as the admission plugins leave it.

        A namespace's `default` account may still be on its way; upstream refuses the pod until it is
        there, and clients retry.
        """
        fields = pod["metadata"]
        account = pods.account_of(pod)
        found = self._store.get(Key("serviceaccounts", fields["namespace"], account))
        if found is None and account != pods.DEFAULT_ACCOUNT:
            place = f"{fields['namespace']}/{account}"
            raise errors.forbidden(
                kind,
                fields["name"],
                f'error looking up service account {place}: serviceaccount "{account}" not found',
            )
        ranges = self._ranges(pod)
        classes = [stored.object for stored in self._store.objects(_PRIORITY_CLASSES)]
        try:
            pod = pods.admitted(limits.defaulted(pod, ranges), found.object if found else None, classes)
        except pods.Refused as refused:
            raise errors.forbidden(kind, fields["name"], str(refused)) from refused
        return self._within(kind, pod, limits.problems(pod, ranges))

    def _request_to_sign(self, kind: Kind, obj: Object, old: Object | None, write: Write) -> Object:
        if old is not None:
            return certificate_requests.dated(obj, old, rfc3339(self._clock.now()))
        try:
            return certificate_requests.requested(obj, write.caller)
        except certificate_requests.Refused as refused:
            raise errors.forbidden(kind, obj["metadata"]["name"], str(refused)) from refused

    def _claim(self, kind: Kind, claim: Object, old: Object | None) -> Object:
        classes = [stored.object for stored in self._store.objects(volumes.CLASSES)]
        if old is None:
            claim = volumes.new_claim(claim, classes)
        else:
            try:
                volumes.check_size(claim, old, classes)
            except volumes.Refused as refused:
                raise errors.forbidden(kind, claim["metadata"]["name"], str(refused)) from refused
        return self._within(kind, claim, limits.claim_problems(claim, self._ranges(claim)))

    def _ranges(self, obj: Object) -> list[Object]:
        return [stored.object for stored in self._store.objects("limitranges", obj["metadata"]["namespace"])]

    def _within(self, kind: Kind, obj: Object, problems: list[str]) -> Object:
        if problems:
            raise errors.forbidden(kind, obj["metadata"]["name"], limits.aggregate(problems))
        return obj
