"""The flags that every command has, wherever on the line they stand, and the cluster that they choose."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from pocketmesh.remote.api import Api
from pocketmesh.remote.kubeconfig import Access, places, read
from pocketmesh.versions import ISTIO

_SAID: Final = ".istioctl-stand-in"
_NOTICE: Final = (
    f"This is labcheck's stand-in for istioctl {ISTIO}: it does what the labs need, in istioctl's words. "
    "A real istioctl on PATH is used instead of it."
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of the command."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str = ""
    """As it was asked for; empty when it was not."""
    istio_namespace: str = "istio-system"

    @cached_property
    def api(self) -> Api:
        """The cluster. Raises Failed when the kubeconfig names none."""
        return Api(self._access, "istioctl")

    def close(self) -> None:
        """Lets go of the cluster, if it was needed."""
        if "api" in self.__dict__:
            self.api.close()

    @property
    def namespace_or_default(self) -> str:
        """The namespace that was asked for, else that of the context."""
        return self.namespace or self._access.namespace

    @cached_property
    def _access(self) -> Access:
        files = places(self.kubeconfig, os.environ)
        found = read(files, self.context)
        _say_once(files[0].parent)
        return found


def connected(command: _Command) -> _Command:
    """Gives a command istioctl's persistent flags; what they say is in the Session."""
    for flags, field, text in reversed(_FLAGS):
        command = click.option(
            *flags,
            field,
            metavar=field.upper(),
            help=text,
            expose_value=False,
            is_eager=True,
            callback=_remember,
        )(command)
    return command


_FLAGS: Final = (
    (("--kubeconfig", "-c"), "kubeconfig", "The Kubernetes configuration file."),
    (("--context",), "context", "The kubeconfig's context to use."),
    (("--namespace", "-n"), "namespace", "The namespace to work in."),
    (("--istioNamespace", "-i"), "istio_namespace", "Istio's own namespace."),
)


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        setattr(context.ensure_object(Session), str(option.name), value)


def _say_once(folder: Path) -> None:
    """Says what this is, once for each place that a kubeconfig is kept in."""
    mark = folder / _SAID
    if not mark.exists():
        print(_NOTICE, file=sys.stderr)
        with suppress(OSError):
            mark.touch()
