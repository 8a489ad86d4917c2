"""One webhook, and which writes it wants to be asked about. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.api.policies import judgement
from pocketmesh.api.policies.expressions import Expressions, Failed
from pocketmesh.api.policies.matching import Request, matches
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Hook:
    """An entry of `webhooks` in a configuration."""

    spec: Object

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def lenient(self) -> bool:
        """Whether a write goes on when the webhook cannot be asked."""
        return bool(self.spec.get("failurePolicy") == "Ignore")

    @property
    def timeout(self) -> int:
        """Seconds."""
        return int(self.spec.get("timeoutSeconds") or 10)

    @property
    def rehearses(self) -> bool:
        """Whether it may be asked about a write that is only tried out."""
        return self.spec.get("sideEffects") in {"None", "NoneOnDryRun"}

    @property
    def client(self) -> Object:
        """Where it is and whom to trust there."""
        config: Object = self.spec["clientConfig"]
        return config

    def may_concern(self, kind: Kind, subresource: str) -> bool:
        """Whether any write to a resource could be of interest: decided before there is a write."""
        wanted = {kind.plural, _ANY} if not subresource else set()
        wanted |= {f"{resource}/{part}" for resource in (kind.plural, _ANY) for part in (subresource, _ANY)}
        return any(
            {kind.group, _ANY} & set(rule.get("apiGroups") or ())
            and wanted & set(rule.get("resources") or ())
            for rule in self.spec.get("rules") or ()
        )

    def concerns(self, request: Request, versions: Callable[[str], list[Kind]]) -> bool:
        """Whether this write is of interest. Raises Failed when a condition cannot be evaluated."""
        found = {**self.spec, "resourceRules": self.spec.get("rules") or []}
        if not found["resourceRules"] or not matches(found, request, versions):
            return False
        conditions = self.spec.get("matchConditions") or []
        return judgement.wanted(Expressions(judgement.variables(request, None), []), conditions)


def conditions_failed(hook: Hook, failed: Failed) -> str:
    """What is said when a hook's conditions cannot be evaluated."""
    return f'failed evaluating match conditions of webhook "{hook.name}": {failed}'


def hooks_of(configuration: Any) -> list[Hook]:
    """The webhooks of a configuration, in its order."""
    return [Hook(spec) for spec in configuration.get("webhooks") or []]
