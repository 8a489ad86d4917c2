"""The key sets that RequestAuthentications name by URI: istiod fetches them, so that no proxy has to.

It asks through the cluster's own network, as whoever runs in istiod's pod would. What cannot be fetched is
left out; a proxy then finds no key for any token. A server that is not up yet is asked again each second,
ten times, and then each minute; what was fetched, every twenty minutes.
Upstream: istio/istio pilot/pkg/model/jwks_resolver.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.fetching import FetchFailed
from pocketmesh.istio.mesh.authorization import keys_uri
from pocketmesh.istio.resources import REQUEST_AUTHENTICATIONS, Reader
from pocketmesh.objects import Object
from pocketmesh.store import Event

Fetch = Callable[[str], Awaitable[str]]
"""The key set behind a URI. Raises FetchFailed."""

_EAGER: Final = 10
_SOON, _LATER, _REFRESH = 1.0, 60.0, 1200.0


@dataclass(slots=True)
class _State:
    failures: int = 0
    asking: asyncio.Task[None] | None = None


class KeySets:
    """A reconciler whose keys are URIs; `learn` is told all key sets whenever one is another."""

    name = "istiod key sets"

    def __init__(
        self, reader: Reader, runtime: Runtime, fetch: Fetch, learn: Callable[[Mapping[str, str]], None]
    ) -> None:
        self._reader = reader
        self._runtime = runtime
        self._fetch = fetch
        self._learn = learn
        self._states: dict[str, _State] = {}
        self._found: dict[str, str] = {}

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if event.key.resource != REQUEST_AUTHENTICATIONS:
            return ()
        versions = (event.stored, event.previous)
        return {uri for stored in versions if stored for uri in _uris(stored.object)}

    def reconcile(self, key: str) -> float | None:
        if not any(key in _uris(item) for item in self._reader.all(REQUEST_AUTHENTICATIONS)):
            self._forget(key)
            return None
        state = self._states.setdefault(key, _State())
        if state.asking is None:
            state.asking = asyncio.get_running_loop().create_task(self._ask(key, state))
        return None

    def close(self) -> None:
        """Stops asking."""
        for uri in list(self._states):
            self._forget(uri)

    def _forget(self, uri: str) -> None:
        state = self._states.pop(uri, None)
        if state is not None and state.asking is not None:
            state.asking.cancel()
        self._found.pop(uri, None)

    async def _ask(self, uri: str, state: _State) -> None:
        first = self._runtime.beside(self, uri) if not state.failures else nullcontext()
        try:
            with first:
                found = await self._fetch(uri)
        except FetchFailed:
            state.failures += 1
            after = _SOON if state.failures < _EAGER else _LATER
        else:
            state.failures, after = 0, _REFRESH
            if self._found.get(uri) != found:
                self._found[uri] = found
                self._learn(dict(self._found))
        state.asking = None
        self._runtime.again(self, uri, after)


def _uris(authentication: Object) -> set[str]:
    rules = (authentication.get("spec") or {}).get("jwtRules") or []
    return {uri for rule in rules if (uri := keys_uri(rule))}
