"""One request, read as far as every verb needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from aiohttp import web
from multidict import MultiMapping

from pocketmesh.api import errors, parsing
from pocketmesh.api.calls import Caller, DeleteOptions, Validation, Write
from pocketmesh.api.registry import Registry
from pocketmesh.api.selectors import Selection
from pocketmesh.api.server import bodies
from pocketmesh.api.server.bodies import Body
from pocketmesh.api.server.commits import Commits
from pocketmesh.api.server.negotiation import Form, form
from pocketmesh.api.server.options import of_write
from pocketmesh.api.server.targets import Target, is_set
from pocketmesh.api.webhooks.webhooks import Webhooks
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind

T = TypeVar("T")

_VALIDATIONS: dict[str, Validation] = {"": "Warn", "Ignore": "Ignore", "Warn": "Warn", "Strict": "Strict"}


@dataclass(frozen=True, slots=True)
class Call:
    """A verb on a resource: who asks, about what, and the request itself for the rest."""

    request: web.BaseRequest
    registry: Registry
    caller: Caller
    target: Target
    kind: Kind
    commits: Commits
    webhooks: Webhooks

    @property
    def query(self) -> MultiMapping[str]:
        return self.request.query

    @property
    def form(self) -> Form:
        """The form of the answer. Raises ApiError 406."""
        return form(self.request.headers.get("Accept", ""))

    @property
    def selection(self) -> Selection:
        """What `labelSelector` and `fieldSelector` select. Raises ApiError 400."""
        query = self.query
        return self.registry.select(self.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))

    def number(self, name: str) -> int | None:
        """A whole number of the query, None when absent. Raises ApiError 400."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError as error:
            raise errors.bad_request(f'invalid {name}: "{text}" is not a whole number') from error

    def revision(self) -> int | None:
        """`resourceVersion` of the query, None for any. Raises ApiError 400."""
        text = self.query.get("resourceVersion", "")
        if not text or (text.isascii() and text.isdigit()):
            return int(text or 0) or None
        raise errors.bad_request(f'Invalid value: "{text}": must be a resourceVersion')

    async def durably(self, write: Callable[[], T]) -> T:
        """What a write returns, once it is durable. Raises StoreUnusable, and what the write raises."""
        return await self.commits.durable(write)

    async def admitted(self, perform: Callable[[Write], T], write: Write) -> tuple[T, tuple[str, ...]]:
        """What a write comes to, durably, once the cluster's webhooks let it through, and their warnings.

        Raises ApiError and StoreUnusable.
        """
        hooks = self.webhooks.interested(self.kind, self.target.subresource)
        if not hooks:
            return await self.durably(lambda: perform(write)), ()
        rehearsed = replace(write, dry_run=True)
        return await self.webhooks.admitted(
            hooks, lambda only: perform(rehearsed if only else write), write.dry_run, self.durably
        )

    async def raw(self) -> bytes:
        """The body as it came. Raises ApiError 400, 413."""
        try:
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise errors.too_large(parsing.LIMIT) from error
        except web.RequestPayloadError as error:
            raise errors.bad_request("the body of the request cannot be read") from error

    async def body(self) -> Body:
        """The body as an object. Raises ApiError 400, 413, 415."""
        return bodies.decode(await self.raw(), self.request.headers.get("Content-Type", ""))

    def write(
        self, rehearsed: Sequence[str] | None = None, *, options: str = "DeleteOptions", patch: str = ""
    ) -> Write:
        """How the write is meant; `rehearsed` is `dryRun` when the body tells it.

        `options` is what upstream calls those of the verb, `patch` the kind of a patch. Raises ApiError 400
        or 422.
        """
        query = self.query
        if problems := of_write(query, patch):
            raise errors.invalid_options(options, problems)
        return Write(
            caller=self.caller,
            manager=query.get("fieldManager") or self._agent(),
            dry_run=_rehearsed(query.getall("dryRun", []) if rehearsed is None else rehearsed),
            validation=_VALIDATIONS[query.get("fieldValidation", "")],
            force=is_set(query, "force"),
        )

    async def deletion(self) -> tuple[DeleteOptions, Write]:
        """The options of a delete, from the body that kubectl sends or from the query.

        Raises ApiError 400, 413, 415.
        """
        content = (await self.body()).object if self.request.can_read_body else {}
        options: Object = {}
        if (grace := self.number("gracePeriodSeconds")) is not None:
            options["gracePeriodSeconds"] = grace
        if "propagationPolicy" in self.query:
            options["propagationPolicy"] = self.query["propagationPolicy"]
        if "orphanDependents" in self.query:
            options["orphanDependents"] = is_set(self.query, "orphanDependents")
        rehearsed = content.get("dryRun") or self.query.getall("dryRun", [])
        if not isinstance(rehearsed, list):
            raise errors.bad_request("dryRun must be a list")
        return DeleteOptions.read({**options, **content}), self.write(rehearsed)

    def _agent(self) -> str:
        """Who writes, when nobody said: the program's name in the User-Agent header."""
        return self.request.headers.get("User-Agent", "").partition("/")[0][:128] or "unknown"


def _rehearsed(values: Sequence[str]) -> bool:
    wrong = [value for value in values if value not in ("", "All")]
    if wrong:
        raise errors.bad_request(f'dryRun: Unsupported value: "{wrong[0]}": supported values: "All"')
    return "All" in values
