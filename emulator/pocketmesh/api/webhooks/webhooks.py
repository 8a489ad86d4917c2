"""The webhooks of a cluster, put to a write before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from pocketmesh.api.errors import ApiError, bad_request, conflict, internal
from pocketmesh.api.policies.expressions import Failed
from pocketmesh.api.policies.matching import Request, is_exempt
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import PodRuntime
from pocketmesh.api.webhooks.calling import Caller
from pocketmesh.api.webhooks.hooks import Hook, conditions_failed, hooks_of
from pocketmesh.api.webhooks.review import Unusable, Verdict, question, verdict
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind
from pocketmesh.store import Event, Key

_CONFIGURATIONS: Final = "validatingwebhookconfigurations.admissionregistration.k8s.io"
_TRIES: Final = 5
_Done = TypeVar("_Done")


class Webhooks:
    """Asks the ValidatingWebhookConfigurations of a registry's store."""

    def __init__(self, registry: Registry, runtime: PodRuntime) -> None:
        self._registry = registry
        self._caller = Caller(registry, runtime)
        self._hooks: list[Hook] | None = None
        self._interested: dict[tuple[str, str], list[Hook]] = {}
        self._seen: list[Request] | None = None
        registry.guard(self._record)
        registry.store.subscribe(self._changed)

    def interested(self, kind: Kind, subresource: str = "") -> list[Hook]:
        """The hooks that some write to a resource may concern; usually none."""
        key = kind.resource, subresource
        found = self._interested.get(key)
        if found is None:
            if self._hooks is None:
                stored = self._registry.store.objects(_CONFIGURATIONS)
                self._hooks = [hook for it in stored for hook in hooks_of(it.object)]
            found = [
                hook for hook in self._hooks if not is_exempt(kind) and hook.may_concern(kind, subresource)
            ]
            self._interested[key] = found
        return found

    async def admitted(
        self,
        hooks: list[Hook],
        perform: Callable[[bool], _Done],
        rehearsal: bool,
        durably: Callable[[Callable[[], _Done | None]], Awaitable[_Done | None]],
    ) -> tuple[_Done, tuple[str, ...]]:
        """The outcome of a write after these hooks let it through, and what to warn of.

        `perform` makes the write, or with True only tries it out; `rehearsal` is whether the client wants no
        more than that; `durably` does what it is given in one step. Raises ApiError.
        """
        for _ in range(_TRIES):
            outcome, requests = self._rehearsed(perform)
            warnings = await self._asked(hooks, requests, rehearsal)
            if rehearsal:
                return outcome, warnings
            done = await durably(partial(self._unless_changed, requests, perform))
            if done is not None:
                return done, warnings
        first = requests[0]
        raise conflict(first.kind, first.name)

    def _rehearsed(self, perform: Callable[[bool], _Done]) -> tuple[_Done, list[Request]]:
        """What a write would come to, and the requests that it consists of; nothing else runs meanwhile."""
        seen: list[Request] = []
        self._seen = seen
        try:
            return perform(True), seen
        finally:
            self._seen = None

    def _unless_changed(self, requests: list[Request], perform: Callable[[bool], _Done]) -> _Done | None:
        return perform(False) if all(map(self._still_so, requests)) else None

    def _record(self, request: Request) -> None:
        if self._seen is not None:
            self._seen.append(request)

    async def _asked(self, hooks: list[Hook], requests: list[Request], rehearsal: bool) -> tuple[str, ...]:
        wanted = [(hook, it) for it in requests for hook in hooks if self._concerned(hook, it)]
        for hook, _ in wanted:
            if rehearsal and not hook.rehearses:
                raise bad_request(f'admission webhook "{hook.name}" does not support dry run')
        verdicts = await asyncio.gather(*(self._answer(hook, it, rehearsal) for hook, it in wanted))
        for found in verdicts:
            if found.refusal is not None:
                raise found.refusal
        return tuple(warning for found in verdicts for warning in found.warnings)

    def _concerned(self, hook: Hook, request: Request) -> bool:
        try:
            return hook.concerns(request, self._registry.kinds.versions)
        except Failed as failed:
            if hook.lenient:
                return False
            raise internal(conditions_failed(hook, failed)) from failed

    async def _answer(self, hook: Hook, request: Request, rehearsal: bool) -> Verdict:
        review = question(request, rehearsal)
        try:
            return verdict(hook.name, review, await self._caller.ask(hook, review))
        except Unusable as unusable:
            if hook.lenient:
                return Verdict()
            refusal: ApiError = internal(f'failed calling webhook "{hook.name}": {unusable}')
            return Verdict(refusal)

    def _still_so(self, request: Request) -> bool:
        """Whether an object is as it was when the hooks were asked; a new one cannot have changed."""
        if request.old is None:
            return True
        metadata = request.old["metadata"]
        key = Key(request.kind.resource, metadata.get("namespace", ""), request.name)
        stored = self._registry.store.get(key)
        return stored is None or _version(stored.object) == _version(request.old)

    def _changed(self, event: Event) -> None:
        if event.key.resource == _CONFIGURATIONS:
            self._hooks = None
            self._interested.clear()


def _version(obj: Object) -> object:
    return obj["metadata"].get("resourceVersion")
