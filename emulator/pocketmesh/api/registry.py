"""The verbs on objects, as kube-apiserver's registry means them.

Everything that a client can ask of a resource goes through here, whoever the client is: names and
places are checked, the server's own metadata is set, the schema has its say, field owners are
recorded, and the store makes it durable. Every verb is synchronous; the loop that owns the store
calls them one after the other, so a read followed by a write is one step. What a rule says is
decided by the pure modules around this one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pocketmesh.api import definitions, deletion, errors, metadata, pod_actions, refusals, scale, strategy
from pocketmesh.api.admission import Admission, Admitted, Wish
from pocketmesh.api.calls import Caller, DeleteOptions, Deletion, Result, Validation, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.eviction import evict
from pocketmesh.api.ownership import tracking
from pocketmesh.api.ownership.managers import Owners
from pocketmesh.api.ownership.typed import KeyMissing
from pocketmesh.api.paging import Page
from pocketmesh.api.patch import content
from pocketmesh.api.policies.matching import Request
from pocketmesh.api.reading import Reading, in_version, key_of
from pocketmesh.api.selectors import EVERYTHING, Selection
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.objects import Object
from pocketmesh.schema.builtin.conversion import converted
from pocketmesh.schema.kinds import Kind, Kinds
from pocketmesh.store import Event, Key, Store

__all__ = ["Caller", "DeleteOptions", "Deletion", "Registry", "Result", "Validation", "Write"]

Answer = Callable[[Kind, str, str, Object, Write], Result]
"""Answers a POST that creates no object of its kind: (kind, namespace, name, body, write)."""

_NAMES_TRIED: Final = 8


class Registry(Reading):
    """Reads, writes and watches every kind that is served.

    All verbs raise ApiError. Objects that come out are shared and must not be changed.
    """

    def __init__(self, store: Store, kinds: Kinds, clock: Clock) -> None:
        super().__init__(store, kinds)
        self.clock = clock
        self._admission = Admission(store, kinds, clock)
        self._answers: dict[str, Answer] = {
            "pods/binding": partial(pod_actions.bind, store, self._now),
            "pods/eviction": partial(evict, store, self.delete, self._now),
        }
        for stored in store.objects(definitions.RESOURCE):
            kinds.serve(stored.object)
        store.subscribe(self._keep_kinds_in_step)

    def answer(self, resource: str, answer: Answer) -> None:
        """Lets `answer` take the POSTs to a resource (`tokenreviews.authentication.k8s.io`) or to a
        subresource (`serviceaccounts/token`)."""
        self._answers[resource] = answer

    def guard(self, check: Callable[[Request], None]) -> None:
        """Puts every write to `check` before it is stored; it raises ApiError to refuse."""
        self._admission.guard(check)

    def create(
        self, kind: Kind, namespace: str, obj: Object, write: Write, *, subresource: str = "", name: str = ""
    ) -> Result:
        """Adds an object, or hands the body to whoever answers for the (sub)resource.

        Raises ApiError: 400 malformed, 403 in a terminating namespace, 404 no such namespace, 409
        taken, 422 invalid.
        """
        answer = self._answers.get(f"{kind.resource}/{subresource}" if subresource else kind.resource)
        if answer is not None:
            return answer(kind, namespace, name, obj, write)
        if subresource:
            raise errors.method_not_allowed()
        return self._create(kind, namespace, obj, write)

    def update(
        self, kind: Kind, namespace: str, name: str, obj: Object, write: Write, *, subresource: str = ""
    ) -> Result:
        """Replaces an object or one of its subresources.

        Raises ApiError: 400 another's name, 404 absent, 409 changed meanwhile, 422 invalid.
        """
        if subresource == "scale":
            return self._scaled(kind, self.get(kind, namespace, name), obj, write)
        obj = metadata.addressed(kind, namespace, obj, name)
        current = self.get(kind, namespace, name)
        if not obj["metadata"].get("resourceVersion") and strategy.needs_version_to_update(kind):
            raise metadata.version_required(kind, name)
        return self._replace(kind, current, obj, write, subresource)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        content_type: str,
        body: bytes | Any,
        write: Write,
        *,
        subresource: str = "",
    ) -> Result:
        """Changes an object by a patch; `body` is the patch or its text.

        Raises ApiError: 400, 404, 409, 413, 415 or 422.
        """
        patch = content.read(kind, content_type, body)
        if content_type == content.APPLY:
            return self._apply(kind, namespace, name, patch, write, subresource)
        current = self.get(kind, namespace, name)
        if subresource == "scale":
            return self._scaled(
                kind, current, content.patched(kind, content_type, scale.read(kind, current), patch), write
            )
        patched = content.patched(kind, content_type, current, patch)
        refused = partial(refusals.of_patch, patched)
        obj = metadata.addressed(kind, namespace, patched, name)
        return self._replace(kind, current, obj, write, subresource, refused=refused)

    def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions, write: Write) -> Deletion:
        """Ends an object, or marks it when finalizers or a grace period hold it back.

        Raises ApiError: 403 a namespace that must stay, 404 absent, 409 a failed precondition, and what a
        policy says.
        """
        current = self.get(kind, namespace, name)
        deletion.check_allowed(kind, current, options)
        warnings = self._admission.admit_deletion(kind, current, write)
        key = key_of(kind, namespace, name)
        if kind.resource == definitions.RESOURCE and not write.dry_run:
            current = self._without_instances(current, write)
        marked = deletion.marked(kind, current, options, self.clock.now())
        if marked is None:
            gone = current if write.dry_run else self._remove(kind, key)
            return Deletion(deletion.answer(kind, gone), True, warnings)
        if marked != current and not write.dry_run:
            marked = self._stored(kind, key, marked)
        return Deletion(marked, False, warnings)

    def delete_collection(
        self, kind: Kind, namespace: str, selection: Selection, options: DeleteOptions, write: Write
    ) -> Page:
        """Deletes what is selected and answers with what that was."""
        found = self.list(kind, namespace, selection)
        for stored in found.items:
            if self.store.get(stored.key) is not None:
                self.delete(kind, stored.key.namespace, stored.key.name, options, write)
        return found

    # The ways of writing

    def _create(
        self,
        kind: Kind,
        namespace: str,
        obj: Object,
        write: Write,
        owners: Owners | None = None,
        refused: Callable[[str], ApiError] | None = None,
    ) -> Result:
        obj = metadata.addressed(kind, namespace, obj)
        fields = obj["metadata"]
        if kind.namespaced:
            self._admission.check_namespace(kind, namespace, fields.get("name") or "")
        if not fields.get("name") and fields.get("generateName"):
            fields["name"] = self._free_name(kind, namespace, fields["generateName"])
        obj = metadata.born(
            kind,
            strategy.without_status(kind, obj),
            uid=str(uuid.uuid4()),
            now=self.clock.now(),
            generation=1 if strategy.counts_generations(kind) else 0,
        )
        key = key_of(kind, namespace, obj["metadata"]["name"])
        if self.store.get(key) is not None:
            raise errors.already_exists(kind, key.name)
        admitted = self._admission.admit(Wish(kind, obj, None, write, "", owners, refused))
        if write.dry_run:
            return Result(admitted.object, True, admitted.warnings)
        stored = self.store.create(key, self._for_storage(kind, admitted.object))
        return Result(in_version(kind, stored).object, True, admitted.warnings)

    def _replace(
        self,
        kind: Kind,
        current: Object,
        obj: Object,
        write: Write,
        subresource: str,
        *,
        owners: Owners | None = None,
        refused: Callable[[str], ApiError] | None = None,
    ) -> Result:
        metadata.check_identity(kind, obj, current)
        obj = metadata.carried_over(strategy.merged(kind, obj, current, subresource), current)
        wish = Wish(
            kind, obj, current, write, subresource, owners, refused or partial(refusals.of_body, kind)
        )
        admitted = self._admission.admit(wish)
        return self._kept(kind, current, admitted, write)

    def _kept(self, kind: Kind, current: Object, admitted: Admitted, write: Write) -> Result:
        obj = admitted.object
        if obj == current or write.dry_run:
            return Result(current if obj == current else obj, False, admitted.warnings)
        key = key_of(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if deletion.is_over(kind, obj):
            return Result(self._remove(kind, key), False, admitted.warnings)
        return Result(self._stored(kind, key, obj), False, admitted.warnings)

    def _apply(
        self, kind: Kind, namespace: str, name: str, config: Any, write: Write, subresource: str
    ) -> Result:
        if not isinstance(config, dict):
            raise errors.bad_request("error decoding YAML: the configuration must be an object")
        config = metadata.addressed(kind, namespace, config, name)
        if config["metadata"].get("managedFields") is not None:
            raise errors.bad_request("metadata.managedFields must be nil")
        config = strategy.configured(kind, config, subresource)
        found = self.store.get(key_of(kind, namespace, name))
        if found is None and subresource:
            raise errors.not_found(kind, name)
        live = in_version(kind, found).object if found else None
        if live is not None:
            metadata.check_identity(kind, config, live)
        writer = self._admission.writer(write, subresource)
        try:
            applied = tracking.apply(kind, live, config, writer, force=write.force)
        except KeyMissing as error:
            raise refusals.of_configuration(
                kind, config, f'associative list omits key field "{error}"'
            ) from error
        strict = replace(write, validation="Strict")
        refused = partial(refusals.of_configuration, kind, config)
        if live is None:
            return self._create(kind, namespace, applied.object, strict, applied.owners, refused)
        return self._replace(
            kind, live, applied.object, strict, subresource, owners=applied.owners, refused=refused
        )

    def _scaled(self, kind: Kind, current: Object, wanted: Object, write: Write) -> Result:
        problems = scale.problems(wanted)
        if problems:
            raise errors.invalid(kind, current["metadata"]["name"], problems)
        result = self._replace(kind, current, scale.written(kind, current, wanted), write, "scale")
        return Result(scale.read(kind, result.object), False, result.warnings)

    # The store

    def _now(self) -> str:
        return rfc3339(self.clock.now())

    def _stored(self, kind: Kind, key: Key, obj: Object) -> Object:
        return in_version(kind, self.store.update(key, self._for_storage(kind, obj))).object

    def _remove(self, kind: Kind, key: Key) -> Object:
        gone = in_version(kind, self.store.delete(key)).object
        if kind.crd and not self.store.objects(kind.resource):
            self._finish_definition(kind.resource)
        if kind.resource == definitions.RESOURCE:
            self._free_names()
        return gone

    def _for_storage(self, kind: Kind, obj: Object) -> Object:
        stored = kind if kind.storage else self.kinds.stored(kind.resource)
        return converted(kind.resource, {**obj, "apiVersion": kind.api_version}, stored.api_version)

    def _free_name(self, kind: Kind, namespace: str, base: str) -> str:
        for _ in range(_NAMES_TRIED):
            name = metadata.generated_name(base)
            if self.store.get(key_of(kind, namespace, name)) is None:
                return name
        raise errors.name_exhausted(kind, base)

    # Definitions of custom resources

    def _without_instances(self, crd: Object, write: Write) -> Object:
        """The definition after its instances are deleted, held back while one of them is."""
        name = crd["metadata"]["name"]
        for served in self.kinds.versions(name)[:1]:
            self.delete_collection(served, "", EVERYTHING, DeleteOptions(), write)
        return definitions.held(crd, bool(self.store.objects(name)))

    def _finish_definition(self, name: str) -> None:
        stored = self.store.get(Key(definitions.RESOURCE, "", name))
        if stored is None or "deletionTimestamp" not in stored.object["metadata"]:
            return
        crd = definitions.held(stored.object, False)
        if crd["metadata"].get("finalizers"):
            self.store.update(stored.key, crd)
        else:
            self.store.delete(stored.key)
            self._free_names()

    def _free_names(self) -> None:
        """Lets definitions have the names that they wanted and that are free now."""
        for stored in self.store.objects(definitions.RESOURCE):
            if definitions.is_in_conflict(stored.object):
                self.store.update(stored.key, self._admission.established(stored.object))

    def _keep_kinds_in_step(self, event: Event) -> None:
        if event.key.resource != definitions.RESOURCE:
            return
        if event.type == "DELETED":
            self.kinds.withdraw(event.key.name)
        else:
            self.kinds.serve(event.object)
