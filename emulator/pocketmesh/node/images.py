"""The images that this cluster can run, and how a reference finds one whatever its registry and tag."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Final

from pocketmesh.node.process import Command, Invocation

_ISTIO_PLACES: Final = (
    *("registry.istio.io/release", "docker.io/istio", "gcr.io/istio-release"),
    *("registry.istio.io/testing", "docker.io/istiotesting", "gcr.io/istio-testing"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """A command whose module is imported when it first runs, so that images cost nothing until then."""

    module: str
    name: str

    @property
    def command(self) -> Command:
        """The command itself. Raises ImportError or AttributeError."""
        found: Command = getattr(import_module(self.module), self.name)
        return found

    async def __call__(self, invocation: Invocation) -> int:
        return await self.command(invocation)


@dataclass(frozen=True)
class Image:
    """A program that stands in for a container image.

    `name` is the repository as `repository` spells it: `curlimages/curl`, `busybox`, `istio/pilot`.
    `commands` are all executables it has, by base name; `entrypoint` and `cmd` are the image's own, as in
    a Dockerfile. `ports` it does not need: programs listen by themselves.
    """

    name: str
    commands: Mapping[str, Command]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    user: str = "root"
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """A digest, the same on every machine, for `status.containerStatuses[].imageID`."""
        return f"{self.name}@sha256:{hashlib.sha256(self.name.encode()).hexdigest()}"


class Catalogue:
    """The images, found by reference."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._images: dict[str, Image] = {}
        for image in images:
            for name in (image.name, *image.aliases):
                self._images[name] = image

    def find(self, reference: str) -> Image | None:
        """The image that a reference such as `docker.io/curlimages/curl:8.16.0` means."""
        return self._images.get(repository(reference))

    def nearest(self, reference: str, limit: int = 3) -> list[str]:
        """The names most like a reference, best first; any names when nothing is alike."""
        names = sorted({image.name for image in self._images.values()})
        wanted = repository(reference)
        by_base = {name.rpartition("/")[2]: name for name in names}
        alike = get_close_matches(wanted.rpartition("/")[2], by_base, n=limit, cutoff=0.5)
        return [by_base[base] for base in alike] or get_close_matches(wanted, names, n=limit, cutoff=0.0)

    def refusal(self, reference: str) -> str:
        """Why an image cannot be pulled, and what to do instead."""
        nearest = ", ".join(self.nearest(reference))
        return (
            f'failed to pull and unpack image "{qualified(reference)}": this cluster emulates a fixed set of '
            f"images and this is not one of them (nearest: {nearest}); to run any image, use --provider kind"
        )


def qualified(reference: str) -> str:
    """A reference with its registry and tag spelled out, as the runtime reports it (`busybox` →
    `docker.io/library/busybox:latest`; rules of distribution/reference normalize.go)."""
    first, slash, rest = reference.partition("/")
    if not slash:
        reference = f"docker.io/library/{reference}"
    elif "." not in first and ":" not in first and first != "localhost":
        reference = f"docker.io/{reference}"
    elif first == "index.docker.io":
        reference = f"docker.io/{rest}"
    if "@" in reference or ":" in reference.rpartition("/")[2]:
        return reference
    return f"{reference}:latest"


def repository(reference: str) -> str:
    """The repository that names an image in the catalogue: no tag, no digest, no Docker Hub prefix,
    and one spelling (`istio/…`) for the places where Istio publishes."""
    place, _, base = qualified(reference).partition("@")[0].rpartition("/")
    base = base.partition(":")[0]
    if place in _ISTIO_PLACES:
        return f"istio/{base}"
    place = place.removeprefix("docker.io/library").removeprefix("docker.io/")
    return f"{place}/{base}" if place else base
