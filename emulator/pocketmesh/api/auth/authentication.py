"""Who a caller is: by client certificate, by ServiceAccount token, or nobody in particular."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from multidict import MultiMapping

from pocketmesh.api.auth.tokens import ISSUER, Token, TokenRefused, Tokens
from pocketmesh.api.calls import Caller
from pocketmesh.api.errors import unauthorized
from pocketmesh.store import Key, Store

AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = Caller("system:anonymous", (UNAUTHENTICATED,))
ACCOUNT: Final = "system:serviceaccount:"
_BOUND: Final = {"pod": "pods", "secret": "secrets", "node": "nodes"}
_CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
_POD: Final = "authentication.kubernetes.io/pod-"


class Authenticator:
    """Knows the callers of one cluster."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens

    def authenticate(self, headers: MultiMapping[str], certificate: Any) -> Caller:
        """The caller behind a request. Raises ApiError 401.

        `certificate` is what `ssl.SSLSocket.getpeercert` returns for a client certificate that our CA
        signed, with its digest as `sha256`, or None.
        """
        if certificate:
            return of_certificate(certificate)
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        try:
            caller, _ = self.of_token(token.strip())
        except TokenRefused as error:
            raise unauthorized() from error
        return caller

    def of_token(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> tuple[Caller, Token]:
        """The ServiceAccount that a token is for, and what the token says. Raises TokenRefused."""
        found = self._tokens.check(token, audiences)
        subject = found.subject
        self._check("serviceaccounts", subject.namespace, subject.name, subject.uid)
        extra: dict[str, tuple[str, ...]] = {}
        if found.identifier:
            extra[_CREDENTIAL] = (f"JTI={found.identifier}",)
        for kind, bound in subject.bound.items():
            self._check(
                _BOUND[kind], "" if kind == "node" else subject.namespace, bound["name"], bound["uid"]
            )
            if kind == "pod":
                extra[f"{_POD}name"], extra[f"{_POD}uid"] = (bound["name"],), (bound["uid"],)
        user = f"{ACCOUNT}{subject.namespace}:{subject.name}"
        return Caller(user, (*account_groups(subject.namespace), AUTHENTICATED), subject.uid, extra), found

    def _check(self, resource: str, namespace: str, name: str, uid: str) -> None:
        """The token of a Secret names it without a uid."""
        stored = self._store.get(Key(resource, namespace, name))
        if stored is None or uid not in ("", stored.object["metadata"]["uid"]):
            raise TokenRefused(f"{resource} {namespace}/{name} has been deleted")


def of_certificate(certificate: Mapping[str, Any]) -> Caller:
    """The user that a certificate names (CN), with its groups (O)."""
    names: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for field, value in part:
            names.setdefault(field, []).append(value)
    user = names.get("commonName", [""])[0]
    digest = certificate.get("sha256")
    extra = {_CREDENTIAL: (f"X509SHA256={digest}",)} if digest else {}
    return Caller(user, (*names.get("organizationName", ()), AUTHENTICATED), extra=extra)


def account_groups(namespace: str) -> tuple[str, str]:
    """The groups of every ServiceAccount of a namespace."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def impersonated(headers: MultiMapping[str]) -> Caller | None:
    """Whom the request wants to be taken for (`kubectl --as`), None when it does not ask.

    Follows k8s.io/apiserver/pkg/endpoints/filters/impersonation. Raises ApiError 400.
    """
    user = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", []))
    if not user:
        return None
    extra: dict[str, tuple[str, ...]] = {}
    for name in {name.lower() for name in headers if name.lower().startswith("impersonate-extra-")}:
        extra[unquote(name.removeprefix("impersonate-extra-"))] = tuple(headers.getall(name))
    if user.startswith(ACCOUNT) and not groups:
        groups = account_groups(user.removeprefix(ACCOUNT).partition(":")[0])
    if user == ANONYMOUS.user:
        groups = (*groups, UNAUTHENTICATED)
    elif not {AUTHENTICATED, UNAUTHENTICATED} & set(groups):
        groups = (*groups, AUTHENTICATED)
    return Caller(user, groups, headers.get("Impersonate-Uid", ""), extra)
