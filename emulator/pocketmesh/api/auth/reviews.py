"""Questions about access that are asked by creating an object: the review kinds and TokenRequest.

Nothing is stored; the answer is the object with a status.
"""

from __future__ import annotations

from collections.abc import Mapping

from pocketmesh.api import errors
from pocketmesh.api.auth.authentication import Authenticator
from pocketmesh.api.auth.authorization import Authorizer, Grant
from pocketmesh.api.auth.certificates import MASTERS
from pocketmesh.api.auth.tokens import ISSUER, Subject, TokenRefused, Tokens
from pocketmesh.api.calls import Caller, Result, Write, part
from pocketmesh.api.registry import Answer, Registry
from pocketmesh.api.server.access import Attributes
from pocketmesh.clock import rfc3339
from pocketmesh.objects import Object
from pocketmesh.schema.errors import invalid
from pocketmesh.schema.kind import Kind
from pocketmesh.store import Key

_SHORTEST_SECONDS = 600
_DEFAULT_SECONDS = 3600
_LONGEST_SECONDS = 2**32
_ACCESS = "authorization.k8s.io"
_IDENTITY = "authentication.k8s.io"


def answers(authenticator: Authenticator, authorizer: Authorizer) -> Mapping[str, Answer]:
    """Who answers which review, by resource."""

    def own_access(kind: Kind, namespace: str, _name: str, body: Object, write: Write) -> Result:
        return _answered(kind, body, _access(authorizer, write.caller, part(body, "spec"), namespace))

    def others_access(kind: Kind, namespace: str, _name: str, body: Object, _write: Write) -> Result:
        spec = part(body, "spec")
        caller = Caller(
            spec.get("user") or "",
            tuple(spec.get("groups") or ()),
            spec.get("uid") or "",
            {key: tuple(values) for key, values in (spec.get("extra") or {}).items()},
        )
        return _answered(kind, body, _access(authorizer, caller, spec, namespace))

    def own_rules(kind: Kind, _namespace: str, _name: str, body: Object, write: Write) -> Result:
        place = part(body, "spec").get("namespace") or ""
        return _answered(kind, body, _rules(authorizer, write.caller, place))

    def own_identity(kind: Kind, _namespace: str, _name: str, body: Object, write: Write) -> Result:
        return _answered(kind, body, {"userInfo": _user(write.caller)})

    def token(kind: Kind, _namespace: str, _name: str, body: Object, _write: Write) -> Result:
        return _answered(kind, body, _identity(authenticator, part(body, "spec")))

    return {
        f"selfsubjectaccessreviews.{_ACCESS}": own_access,
        f"subjectaccessreviews.{_ACCESS}": others_access,
        f"localsubjectaccessreviews.{_ACCESS}": others_access,
        f"selfsubjectrulesreviews.{_ACCESS}": own_rules,
        f"selfsubjectreviews.{_IDENTITY}": own_identity,
        f"tokenreviews.{_IDENTITY}": token,
    }


def token_request(registry: Registry, tokens: Tokens) -> Answer:
    """Answers `serviceaccounts/token` with a token (`kubectl create token`)."""

    def answer(kind: Kind, namespace: str, name: str, body: Object, _write: Write) -> Result:
        account = registry.get(kind, namespace, name)
        spec = part(body, "spec")
        seconds = spec.get("expirationSeconds") or _DEFAULT_SECONDS
        _check_duration(seconds)
        bound = _bound(registry, namespace, part(spec, "boundObjectRef"))
        audiences = spec.get("audiences") or [ISSUER]
        subject = Subject(namespace, name, account["metadata"]["uid"], bound)
        status = {
            "token": tokens.issue(subject, audiences, seconds),
            "expirationTimestamp": rfc3339(tokens.expiry(seconds)),
        }
        written = {**spec, "audiences": audiences, "expirationSeconds": seconds}
        written.setdefault("boundObjectRef", None)
        head = {"kind": "TokenRequest", "apiVersion": f"{_IDENTITY}/v1"}
        metadata = {"name": name, "namespace": namespace, "creationTimestamp": rfc3339(registry.clock.now())}
        return Result({**head, "metadata": metadata, "spec": written, "status": status}, True)

    return answer


def _check_duration(seconds: int) -> None:
    field = "spec.expirationSeconds"
    if seconds < _SHORTEST_SECONDS:
        problem = invalid(field, seconds, "may not specify a duration less than 10 minutes")
    elif seconds > _LONGEST_SECONDS:
        problem = invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")
    else:
        return
    cause = {"reason": problem.reason, "message": problem.detail, "field": field}
    details = {"group": _IDENTITY, "kind": "TokenRequest", "causes": [cause]}
    message = f'TokenRequest.{_IDENTITY} "" is invalid: {problem}'
    raise errors.ApiError(422, "Invalid", message, details)


def _bound(registry: Registry, namespace: str, reference: Object) -> Object:
    """The object that a token is to die with. Raises ApiError 400, 404 or 409."""
    if not reference:
        return {}
    kinds = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
    resource = kinds.get(reference.get("kind") or "")
    if resource is None:
        raise errors.bad_request("cannot bind token for serviceaccount to object of this kind")
    kind, name = registry.kinds.stored(resource), reference.get("name") or ""
    stored = registry.store.get(Key(resource, namespace if kind.namespaced else "", name))
    if stored is None:
        raise errors.not_found(kind, name)
    uid = stored.object["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(kind, name, why)
    return {reference["kind"].lower(): {"name": name, "uid": uid}}


def _answered(kind: Kind, body: Object, status: Object) -> Result:
    head = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": part(body, "metadata")}
    return Result({**head, "spec": part(body, "spec"), "status": status}, True)


def _access(authorizer: Authorizer, caller: Caller, spec: Object, namespace: str) -> Object:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        raise errors.bad_request(
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    if path is not None:
        wanted = Attributes(path.get("verb") or "", path=path.get("path") or "")
    else:
        fields = resource or {}
        wanted = Attributes(
            fields.get("verb") or "",
            fields.get("group") or "",
            fields.get("version") or "",
            fields.get("resource") or "",
            fields.get("subresource") or "",
            fields.get("namespace") or namespace,
            fields.get("name") or "",
        )
    decision = authorizer.decide(caller, wanted)
    status: Object = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def _rules(authorizer: Authorizer, caller: Caller, namespace: str) -> Object:
    everything: list[Object] = [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]
    grants = list(authorizer.grants(caller, namespace))
    if MASTERS in caller.groups:
        grants.append(Grant(everything, ""))
    resources: list[Object] = []
    paths: list[Object] = []
    for rule in (rule for grant in grants for rule in grant.rules):
        if rule.get("nonResourceURLs"):
            paths.append({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]})
        else:
            resources.append(
                {
                    field: rule[field]
                    for field in ("verbs", "apiGroups", "resources", "resourceNames")
                    if field in rule
                }
            )
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}


def _identity(authenticator: Authenticator, spec: Object) -> Object:
    audiences = tuple(spec.get("audiences") or ()) or (ISSUER,)
    try:
        caller, token = authenticator.of_token(spec.get("token") or "", audiences)
    except TokenRefused as error:
        return {"user": {}, "error": f"[invalid bearer token, {error}]"}
    return {"authenticated": True, "user": _user(caller), "audiences": list(token.audiences)}


def _user(caller: Caller) -> Object:
    user: Object = {"username": caller.user}
    if caller.uid:
        user["uid"] = caller.uid
    if caller.groups:
        user["groups"] = list(caller.groups)
    if caller.extra:
        user["extra"] = {key: list(values) for key, values in caller.extra.items()}
    return user
