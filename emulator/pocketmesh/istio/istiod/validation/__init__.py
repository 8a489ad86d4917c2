"""What istiod refuses that the definitions of its kinds let pass, in its words.

A small part of upstream's checks: those that a learner's mistakes run into. The rest is let through.
Upstream: istio/istio pkg/config/validation/validation.go, pkg/webhooks/validation/server/server.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pocketmesh.istio.istiod.validation import networking, security
from pocketmesh.objects import Object

_CHECKS: Final[dict[str, Callable[[Object], Iterator[str]]]] = {
    "AuthorizationPolicy": security.authorization_policy,
    "DestinationRule": networking.destination_rule,
    "RequestAuthentication": security.request_authentication,
    "ServiceEntry": networking.service_entry,
    "VirtualService": networking.virtual_service,
}


def refusal(obj: Object) -> str:
    """Why an object is refused; empty when it is not."""
    check = _CHECKS.get(obj.get("kind", ""))
    found = list(dict.fromkeys(check(obj.get("spec") or {}))) if check else []
    if not found:
        return ""
    if len(found) == 1:
        return f"configuration is invalid: {found[0]}"
    listed = "".join(f"\t* {problem}\n" for problem in found)
    return f"configuration is invalid: {len(found)} errors occurred:\n{listed}\n"
