"""What a policy, through one of its bindings, says to a request. Pure.

Follows k8s.io/apiserver/pkg/admission/plugin/policy/validating/{validator,dispatcher}.go, whose texts
these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.api import errors
from pocketmesh.api.errors import ApiError
from pocketmesh.api.policies.expressions import Expressions, Failed
from pocketmesh.api.policies.matching import Request
from pocketmesh.objects import Object, name_of

_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_SHOWN_OF_NAMESPACE: Final = (
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "resourceVersion",
    "finalizers",
)


@dataclass(frozen=True, slots=True)
class Objection:
    """A validation that does not hold, or that could not be judged."""

    message: str
    reason: str = "Invalid"


def objections(policy: Object, request: Request, params: Object | None) -> Iterator[Objection]:
    """What is wrong with the request under a policy that matches it."""
    spec = policy["spec"]
    lenient = spec.get("failurePolicy") == "Ignore"
    ask = Expressions(variables(request, params), spec.get("variables") or [])
    try:
        if not wanted(ask, spec.get("matchConditions") or []):
            return
    except Failed as failed:
        if not lenient:
            yield Objection(str(failed))
        return
    for validation in spec.get("validations") or []:
        try:
            if not ask.holds(validation["expression"]):
                yield Objection(ask.message(validation), validation.get("reason") or "Invalid")
        except Failed as failed:
            if not lenient:
                yield Objection(str(failed))


def denial(request: Request, policy: Object, binding: Object, objection: Objection) -> ApiError:
    """The refusal; 422 unless the validation gives another reason."""
    message = (
        f"ValidatingAdmissionPolicy '{name_of(policy)}' with binding '{name_of(binding)}' "
        f"denied request: {objection.message}"
    )
    refused = errors.forbidden(request.kind, request.name, message)
    refused.reason = objection.reason
    refused.code = _CODES.get(objection.reason, 422)
    refused.details = {**refused.details, "causes": [{"message": message}]}
    return refused


def warning(policy: Object, binding: Object, objection: Objection) -> str:
    """The same for a binding that only warns."""
    return (
        f"Validation failed for ValidatingAdmissionPolicy '{name_of(policy)}' "
        f"with binding '{name_of(binding)}': {objection.message}"
    )


def wanted(ask: Expressions, conditions: list[Object]) -> bool:
    """Whether all conditions hold; one that is false outweighs one that fails."""
    failure: Failed | None = None
    for condition in conditions:
        try:
            if not ask.holds(condition["expression"]):
                return False
        except Failed as failed:
            failure = failure or failed
    if failure is not None:
        raise failure
    return True


def variables(request: Request, params: Object | None) -> Object:
    """What expressions about a request may name."""
    return {
        "object": request.new,
        "oldObject": request.old,
        "request": admission_request(request),
        "params": params,
        "namespaceObject": _shown(request.namespace),
    }


def admission_request(request: Request) -> Object:
    """`admission.k8s.io/v1` AdmissionRequest, the objects apart."""
    kind, caller = request.kind, request.write.caller
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    gvr = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    user: dict[str, Any] = {"username": caller.user, "groups": list(caller.groups)}
    if caller.uid:
        user["uid"] = caller.uid
    if caller.extra:
        user["extra"] = {key: list(values) for key, values in caller.extra.items()}
    found: Object = {
        "kind": gvk,
        "resource": gvr,
        "requestKind": gvk,
        "requestResource": gvr,
        "name": request.name,
        "operation": request.operation,
        "userInfo": user,
        "dryRun": request.write.dry_run,
    }
    if request.subresource:
        found["subResource"] = found["requestSubResource"] = request.subresource
    if request.namespace is not None:
        found["namespace"] = name_of(request.namespace)
    return found


def _shown(namespace: Object | None) -> Object | None:
    """As much of a Namespace as expressions get to see."""
    if namespace is None:
        return None
    metadata = namespace["metadata"]
    shown = {field: metadata[field] for field in _SHOWN_OF_NAMESPACE if field in metadata}
    parts: Object = {part: namespace[part] for part in ("spec", "status") if part in namespace}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": shown, **parts}
