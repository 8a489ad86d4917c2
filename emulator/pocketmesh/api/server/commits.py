"""Writes that arrive in the same turn of the loop share one commit.

A commit costs more than all else that a write asks of the store. None is answered before it is durable,
and because the writes and their commit are one step, nobody ever sees what is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pocketmesh.store import Store, StoreUnusable

T = TypeVar("T")


class Commits:
    """Collects the writes of one server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    async def durable(self, write: Callable[[], T]) -> T:
        """What `write` returns, or raises, once all that it changed is durable. Raises StoreUnusable."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit)
        answered: asyncio.Future[T] = loop.create_future()
        self._waiting.append((write, answered))
        return await answered

    def _commit(self) -> None:
        writes, self._waiting = self._waiting, []
        answers: list[Callable[[], None]] = []
        try:
            with self._store.together():
                for write, answered in writes:
                    answers.append(_outcome(write, answered))
        except StoreUnusable as error:
            answers = [partial(answered.set_exception, error) for _, answered in writes]
        for (_, answered), answer in zip(writes, answers, strict=True):
            if not answered.done():  # its client may be gone
                answer()


def _outcome(write: Callable[[], T], answered: asyncio.Future[T]) -> Callable[[], None]:
    """Raises StoreUnusable, which is everybody's; any other refusal is the writer's own."""
    try:
        return partial(answered.set_result, write())
    except StoreUnusable:
        raise
    except Exception as error:
        return partial(answered.set_exception, error)
