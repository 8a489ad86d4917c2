"""WebAssembly modules on their way into a proxy's own directory, where Envoy reads them.

They come out of the proxy's container or through the cluster's network, as the agent of a real proxy gets
them, and never from the machine. What was fetched is kept as long as the pod, and is not asked for again
unless the plugin wants that; what could not be fetched is asked for five times more, ever more rarely.
Upstream: istio/istio pkg/wasm/{cache,httpfetcher}.go;
https://istio.io/latest/docs/ops/configuration/extensibility/wasm-pull-policy.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.fetching import FetchFailed, fetch
from pocketmesh.istio.mesh.modules import Module, Source
from pocketmesh.node.process import Container

Load = Callable[[str], Awaitable[bytes]]
"""What is at a URL. Raises FetchFailed."""

LIMIT: Final = 16 << 20
"""How large a module may be."""
FILE: Final = "file://"
_MAGIC: Final = b"\0asm"
_WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True)
class _Failure:
    module: Module
    times: int
    due: float

    @property
    def is_last(self) -> bool:
        return self.times > len(_WAITS)


class Modules:
    """The modules of one proxy."""

    def __init__(self, layout: Layout, load: Load) -> None:
        self._layout = layout
        self._load = load
        self._kept: dict[Source, Module] = {}
        self._failures: dict[Source, _Failure] = {}

    async def of(self, sources: Iterable[Source]) -> Mapping[Source, Module]:
        """The modules from these places, or why there are none; a failure is kept until it is due again."""
        wanted = list(sources)
        self._failures = {source: self._failures[source] for source in wanted if source in self._failures}
        return dict(zip(wanted, await asyncio.gather(*map(self._module, wanted)), strict=True))

    @property
    def pause(self) -> float | None:
        """After how many seconds to ask again; None when there is no need."""
        due = [failure.due for failure in self._failures.values() if not failure.is_last]
        return max(min(due) - asyncio.get_running_loop().time(), 0.0) if due else None

    async def _module(self, source: Source) -> Module:
        if source in self._kept:
            return self._kept[source]
        now = asyncio.get_running_loop().time()
        failure = self._failures.get(source)
        if failure is not None and now < failure.due:
            return failure.module
        try:
            module = self._written(checked(await self._load(source.url), source))
        except FetchFailed as error:
            module = Module(problem=str(error))
            if not source.url.startswith(FILE):
                times = failure.times + 1 if failure else 1
                due = asyncio.get_running_loop().time() + _WAITS[min(times, len(_WAITS)) - 1]
                self._failures[source] = _Failure(module, times, due)
            return module
        self._failures.pop(source, None)
        if not source.url.startswith(FILE):
            self._kept[source] = module
        return module

    def _written(self, content: bytes) -> Module:
        path = self._layout.module(hashlib.sha256(content).hexdigest())
        if not path.exists():
            path.write_bytes(content)
        return Module(str(path))


async def load(container: Container, url: str) -> bytes:
    """What a container finds at a URL of a file or of HTTP. Raises FetchFailed."""
    if not url.startswith(FILE):
        return await fetch(container, url, LIMIT)
    path = url.removeprefix(FILE)
    try:
        return container.files.read(path)
    except (OSError, ValueError):
        raise FetchFailed(f"open {path}: no such file or directory") from None


def checked(content: bytes, source: Source) -> bytes:
    """What was found, if it can be the module that is wanted. Raises FetchFailed."""
    if len(content) > LIMIT:
        raise FetchFailed(f"the module has more than {LIMIT} bytes")
    digest = hashlib.sha256(content).hexdigest()
    if source.sha256 and source.sha256 != digest:
        raise FetchFailed(f"the module has checksum {digest}, which does not match {source.sha256}")
    if not content.startswith(_MAGIC):
        raise FetchFailed("it is no Wasm binary")
    return content
