"""What the API answers when it refuses: a `Status` object with the codes and texts that clients match on.

Everything above the store raises ApiError and nothing else; whoever answers a request renders
`status()`. Texts are those of k8s.io/apimachinery/pkg/api/errors, because kubectl, Helm and every
client-go program compare or print them. This module decides nothing: it only words refusals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pocketmesh.objects import Object

if TYPE_CHECKING:
    from pocketmesh.schema.errors import FieldError
    from pocketmesh.schema.kind import Kind

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal with its HTTP code; `details` as in metav1.StatusDetails."""

    code: int
    reason: str
    message: str
    details: Object = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    def status(self) -> Object:
        """The `Status` object that goes over the wire."""
        status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status


def details(kind: Kind, name: str = "") -> Object:
    """The details that name a resource; `kind` carries the plural, as upstream does."""
    return _named(kind.group, kind.plural, name)


def not_found(kind: Kind, name: str) -> ApiError:
    """404 `pods "x" not found`."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', details(kind, name))


def no_such_resource() -> ApiError:
    """404 for a path that serves nothing."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 `deployments.apps "x" already exists`."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details(kind, name))


def name_exhausted(kind: Kind, name: str) -> ApiError:
    """409: every generated name was taken."""
    message = (
        f'{kind.resource} "{name}" already exists, '
        "the server was not able to generate a unique name for the object"
    )
    return ApiError(409, "AlreadyExists", message, {**details(kind, name), "retryAfterSeconds": 1})


def conflict(kind: Kind, name: str, why: str = MODIFIED) -> ApiError:
    """409 `Operation cannot be fulfilled on …`."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, details(kind, name))


@dataclass(frozen=True, slots=True, order=True)
class FieldConflict:
    """A field that an apply wants to change although `owner` (as conflicts name it) set it."""

    owner: str
    path: str


def apply_conflict(conflicts: Sequence[FieldConflict]) -> ApiError:
    """409 of a server-side apply; the summary lists the fields under their managers.

    Worded in k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go.
    """
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {conflict.owner}",
            "field": conflict.path,
        }
        for conflict in conflicts
    ]
    if len(conflicts) == 1:
        (only,) = conflicts
        summary = f"Apply failed with 1 conflict: conflict with {only.owner}: {only.path}"
    else:
        lines: list[str] = []
        for owner in dict.fromkeys(conflict.owner for conflict in conflicts):
            lines.append(f"conflicts with {owner}:")
            lines.extend(f"- {conflict.path}" for conflict in conflicts if conflict.owner == owner)
        summary = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", summary, {"causes": causes})


def invalid(kind: Kind, name: str, problems: Sequence[FieldError]) -> ApiError:
    """422 `Deployment.apps "x" is invalid: …`, one problem bare and several as `[a, b]`."""
    return _invalid(kind.group, kind.kind, name, problems)


def invalid_options(options: str, problems: Sequence[FieldError]) -> ApiError:
    """422 `ListOptions.meta.k8s.io "" is invalid: …`: what the query asks for makes no sense."""
    return _invalid("meta.k8s.io", options, "", problems)


def _invalid(group: str, kind: str, name: str, problems: Sequence[FieldError]) -> ApiError:
    kind_name = f"{kind}.{group}" if group else kind
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    listed = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    causes = [
        {"reason": problem.reason, "message": problem.detail, "field": problem.field} for problem in problems
    ]
    found = {**_named(group, kind, name), "causes": causes}
    return ApiError(422, "Invalid", f'{kind_name} "{name}" is invalid: {listed}', found)


def invalid_patch(patched: str, why: str) -> ApiError:
    """422: what a patch makes of the object cannot be read; upstream names neither kind nor object."""
    from pocketmesh.schema.errors import invalid as invalid_field

    problem = invalid_field("patch", patched, why)
    causes = [{"reason": problem.reason, "message": problem.detail, "field": problem.field}]
    return ApiError(422, "Invalid", f' "" is invalid: {problem}', {"causes": causes})


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """403 `pods "x" is forbidden: why`."""
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", details(kind, name))


def namespace_terminating(kind: Kind, name: str, namespace: str) -> ApiError:
    """403: nothing new is made in a namespace that goes away."""
    error = forbidden(
        kind, name, f"unable to create new content in namespace {namespace} because it is being terminated"
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**error.details, "causes": [cause]}
    return error


def unauthorized(message: str = "Unauthorized") -> ApiError:
    """401: nobody we know."""
    return ApiError(401, "Unauthorized", message)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def method_not_allowed(
    message: str = "the server does not allow this method on the requested resource",
) -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", message)


def not_acceptable(accepted: Sequence[str]) -> ApiError:
    """406: the client reads none of our formats."""
    return ApiError(
        406, "NotAcceptable", f"only the following media types are accepted: {', '.join(accepted)}"
    )


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415: we read none of the client's formats."""
    message = "the body of the request was in an unknown format - accepted media types include: "
    return ApiError(415, "UnsupportedMediaType", message + ", ".join(accepted))


def expired(message: str) -> ApiError:
    """410: the revision or the continue token is older than what is kept."""
    return ApiError(410, "Expired", message)


def too_large(limit: int) -> ApiError:
    """413: the body is longer than `limit` bytes."""
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def too_many_requests(message: str, causes: Sequence[Object] = (), retry_after: int = 0) -> ApiError:
    """429, also the answer to an eviction that a disruption budget forbids."""
    found: Object = {}
    if causes:
        found["causes"] = list(causes)
    if retry_after:
        found["retryAfterSeconds"] = retry_after
    return ApiError(429, "TooManyRequests", message, found)


def internal(message: str) -> ApiError:
    """500."""
    return ApiError(
        500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]}
    )


def future_revision(asked: int, current: int) -> ApiError:
    """504: the revision asked for has not happened yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError(
        504,
        "Timeout",
        f"Too large resource version: {asked}, current: {current}",
        {"causes": [cause], "retryAfterSeconds": 1},
    )


def _named(group: str, kind: str, name: str) -> Object:
    found: Object = {}
    if name:
        found["name"] = name
    if group:
        found["group"] = group
    found["kind"] = kind
    return found
