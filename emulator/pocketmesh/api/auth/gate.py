"""The gate that every request passes: authentication, impersonation, authorization.

It also answers what the cluster says about access itself: tokens and reviews.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multidict import MultiMapping

from pocketmesh.api.auth import reviews
from pocketmesh.api.auth.authentication import ACCOUNT, Authenticator, impersonated
from pocketmesh.api.auth.authorization import Authorizer
from pocketmesh.api.auth.certificates import Credentials
from pocketmesh.api.auth.escalation import Escalation
from pocketmesh.api.auth.tokens import Tokens
from pocketmesh.api.calls import Caller
from pocketmesh.api.registry import Registry
from pocketmesh.api.server.access import Attributes


class Gate:
    """Implements `api.server.access.Access` for one cluster, and answers its registry's reviews."""

    def __init__(self, credentials: Credentials, registry: Registry) -> None:
        self.tokens = Tokens(credentials.signing_key, registry.clock)
        self._authenticator = Authenticator(registry.store, self.tokens)
        self._authorizer = Authorizer(registry.store)
        for resource, answer in reviews.answers(self._authenticator, self._authorizer).items():
            registry.answer(resource, answer)
        registry.guard(Escalation(self._authorizer, registry.kinds))
        registry.answer("serviceaccounts/token", reviews.token_request(registry, self.tokens))

    def authenticate(self, headers: MultiMapping[str], certificate: Any) -> Caller:
        """The caller that the request is to be judged as. Raises ApiError 401, or 403 for `--as`."""
        caller = self._authenticator.authenticate(headers, certificate)
        wanted = impersonated(headers)
        if wanted is None:
            return caller
        for attributes in _impersonations(wanted, headers):
            self._authorizer.authorize(caller, attributes)
        return wanted

    def authorize(self, caller: Caller, attributes: Attributes) -> None:
        """Raises ApiError 403."""
        self._authorizer.authorize(caller, attributes)

    def documents(self) -> dict[str, Any]:
        """The documents by path that let others check our tokens."""
        return {
            "/openid/v1/jwks": self.tokens.jwks,
            "/.well-known/openid-configuration": self.tokens.discovery,
        }


def _impersonations(wanted: Caller, headers: MultiMapping[str]) -> Iterator[Attributes]:
    """What one must be allowed in order to be taken for somebody."""
    namespace, _, account = wanted.user.removeprefix(ACCOUNT).partition(":")
    if wanted.user.startswith(ACCOUNT) and account:
        yield Attributes("impersonate", resource="serviceaccounts", namespace=namespace, name=account)
    else:
        yield Attributes("impersonate", resource="users", name=wanted.user)
    for group in headers.getall("Impersonate-Group", []):
        yield Attributes("impersonate", resource="groups", name=group)
    own = "authentication.k8s.io"
    if wanted.uid:
        yield Attributes("impersonate", own, resource="uids", name=wanted.uid)
    for key, values in wanted.extra.items():
        for value in values:
            yield Attributes("impersonate", own, resource="userextras", subresource=key, name=value)
