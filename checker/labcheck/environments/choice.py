"""Which provider is meant by a name. Each is imported when it is chosen: one does not pay for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.environments.provider import Provider
from labcheck.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from labcheck.lab.model import Lab


def provider(name: str, context: str = "", *, sure: bool = False) -> Provider:
    """The provider called `name`. Raises UsageError for one that does not exist."""
    if name == "embedded":
        from labcheck.environments.embedded import Embedded

        return Embedded()
    if name == "kind":
        from labcheck.environments.kind.provider import Kind

        return Kind()
    if name == "existing":
        from labcheck.environments.existing.provider import Existing

        return Existing(context, sure=sure)
    from labcheck.lab.model import PROVIDERS

    raise UsageError(f"There is no provider `{name}`. {did_you_mean(name, PROVIDERS)}")


def provider_for(lab: Lab, name: str | None, context: str = "", *, sure: bool = False) -> Provider:
    """The provider that was asked for, or the lab's first. Raises UsageError if the lab lacks it."""
    from labcheck.lab.model import PROVIDERS

    supported = lab.environment.providers
    chosen = name or supported[0]
    if chosen in PROVIDERS and chosen not in supported:
        raise UsageError(f"{lab.id} does not run on `{chosen}`; it runs on {', '.join(supported)}.")
    return provider(chosen, context, sure=sure)
