"""Secrets of type `kubernetes.io/service-account-token`: filled for their account, gone with it
(pkg/controller/serviceaccount/tokens_controller.go).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.auth.tokens import Tokens
from pocketmesh.api.client import Client
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, annotations_of, name_of, uid_of
from pocketmesh.store import Event

_TYPE: Final = "kubernetes.io/service-account-token"
_NAME: Final = "kubernetes.io/service-account.name"
_UID: Final = "kubernetes.io/service-account.uid"


class AccountTokens:
    """Puts a token, the cluster's certificate and the namespace into each such Secret."""

    name = "serviceaccount-token"

    def __init__(self, client: Client, tokens: Tokens, ca_certificate: str) -> None:
        self._client = client
        self._tokens = tokens
        self._ca = ca_certificate

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if event.key.resource == "secrets" and event.object.get("type") == _TYPE:
            yield from own(event, "secrets")
        if event.key.resource == "serviceaccounts":
            for secret in self._client.all("secrets", event.key.namespace):
                if secret.get("type") == _TYPE and annotations_of(secret).get(_NAME) == event.key.name:
                    yield (event.key.namespace, name_of(secret))

    def reconcile(self, key: Place) -> float | None:
        secret = self._client.get("secrets", *key)
        if secret is None or secret.get("type") != _TYPE or "deletionTimestamp" in secret["metadata"]:
            return None
        said = annotations_of(secret)
        account = self._client.get("serviceaccounts", key[0], said.get(_NAME, ""))
        if account is None or said.get(_UID, uid_of(account)) != uid_of(account):
            self._client.delete("secrets", *key, uid=uid_of(secret))
        else:
            self._fill(key, secret, account)
        return None

    def _fill(self, key: Place, secret: Object, account: Object) -> None:
        present = secret.get("data") or {}
        data = {"ca.crt": _encoded(self._ca), "namespace": present.get("namespace") or _encoded(key[0])}
        data["token"] = present.get("token") or _encoded(
            self._tokens.issue_for_secret(key[0], name_of(account), uid_of(account), key[1])
        )
        if not data.items() <= present.items():
            annotations = {_NAME: name_of(account), _UID: uid_of(account)}
            self._client.merge("secrets", *key, {"metadata": {"annotations": annotations}, "data": data})


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()
