"""istiod's webhooks: the pages that the API server asks, and their configurations kept in order.

Sidecars are not emulated: `/inject` changes nothing. Upstream: istio/istio pkg/webhooks/{webhookpatch.go,
validation/controller/controller.go,validation/server/server.go}.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Hashable, Iterable
from typing import Final

import orjson

from pocketmesh.api.client import Client
from pocketmesh.istio.istiod.validation import refusal
from pocketmesh.istio.settings import Settings
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.objects import Object, labels_of
from pocketmesh.store import Event

PORT: Final = 15017

_GROUP: Final = "admissionregistration.k8s.io"
_VALIDATING: Final = f"validatingwebhookconfigurations.{_GROUP}"
_MUTATING: Final = f"mutatingwebhookconfigurations.{_GROUP}"
_REVISION: Final = "istio.io/rev"


async def answer(call: Call) -> Reply:
    """Answers an AdmissionReview."""
    if call.path not in {"/validate", "/inject"}:
        return Reply(404, body=b"404 page not found\n")
    try:
        review = orjson.loads(call.body)
        asked = review["request"]
        response = reviewed(asked) if call.path == "/validate" else {"uid": asked["uid"], "allowed": True}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        return Reply(400, body=f"could not decode body: {error}\n".encode())
    body = {"apiVersion": review.get("apiVersion"), "kind": "AdmissionReview", "response": response}
    return Reply(headers=(("content-type", "application/json"),), body=orjson.dumps(body))


def reviewed(asked: Object) -> Object:
    """The response to the request of a review."""
    why = refusal(asked.get("object") or {}) if asked.get("operation") in {"CREATE", "UPDATE"} else ""
    if not why:
        return {"uid": asked["uid"], "allowed": True}
    return {"uid": asked["uid"], "allowed": False, "status": {"metadata": {}, "message": why}}


class WebhookConfigurations:
    """Tells the API server whom to trust, and from now on to ask in earnest; a key is (resource, name)."""

    name = "istiod webhook configurations"

    def __init__(self, client: Client, certificate: str, settings: Settings) -> None:
        self._client = client
        self._bundle = b64encode(certificate.encode()).decode()
        self._settings = settings

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, _, name = event.key
        relevant = resource in {_VALIDATING, _MUTATING} and event.type != "DELETED"
        return ((resource, name),) if relevant else ()

    def reconcile(self, key: tuple[str, str]) -> float | None:
        resource, name = key
        found = self._client.get(resource, "", name)
        if found is None or labels_of(found).get(_REVISION) != self._settings.revision:
            return None
        strict = resource == _VALIDATING
        hooks = [self._patched(hook, strict) for hook in found.get("webhooks") or []]
        if hooks != found.get("webhooks"):
            self._client.update(resource, {**found, "webhooks": hooks})
        return None

    def _patched(self, hook: Object, strict: bool) -> Object:
        if "service" not in hook["clientConfig"]:
            return hook
        patched = {**hook, "clientConfig": {**hook["clientConfig"], "caBundle": self._bundle}}
        return {**patched, "failurePolicy": "Fail"} if strict else patched
