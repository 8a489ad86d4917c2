"""What a webhook is asked and what its answer means: `admission.k8s.io/v1` AdmissionReview. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.api.errors import ApiError
from pocketmesh.api.policies import judgement
from pocketmesh.api.policies.matching import Request
from pocketmesh.objects import Object

_VERSION: Final = "admission.k8s.io/v1"
_INVALID: Final = "received invalid webhook response"


class Unusable(Exception):
    """An answer that is none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a refusal or none, and what to warn of."""

    refusal: ApiError | None = None
    warnings: tuple[str, ...] = ()


def question(request: Request, rehearsal: bool) -> Object:
    """The review to send; the request itself was always a rehearsal."""
    asked = {
        "uid": str(uuid.uuid4()),
        **judgement.admission_request(request),
        "dryRun": rehearsal,
        "object": request.new,
        "oldObject": request.old,
        "options": None,
    }
    return {"apiVersion": _VERSION, "kind": "AdmissionReview", "request": asked}


def verdict(hook: str, asked: Object, answer: Any) -> Verdict:
    """What the answer of a hook says. Raises Unusable."""
    if not isinstance(answer, dict) or not isinstance(answer.get("response"), dict):
        raise Unusable("webhook response was absent")
    if (answer.get("apiVersion"), answer.get("kind")) != (_VERSION, "AdmissionReview"):
        found = f"{answer.get('apiVersion')}, Kind={answer.get('kind')}"
        raise Unusable(
            f"{_INVALID}: expected webhook response of {_VERSION}, Kind=AdmissionReview, got {found}"
        )
    response = answer["response"]
    uid = asked["request"]["uid"]
    if response.get("uid") != uid:
        raise Unusable(f'{_INVALID}: expected response.uid="{uid}", got "{response.get("uid", "")}"')
    warnings = tuple(str(warning) for warning in response.get("warnings") or ())
    if response.get("allowed"):
        return Verdict(warnings=warnings)
    return Verdict(denial(hook, response.get("status") or {}), warnings)


def denial(hook: str, status: Object) -> ApiError:
    """The refusal that a webhook's status means (plugin/webhook/errors/statuserror.go)."""
    why = status.get("message") or status.get("reason")
    head = f'admission webhook "{hook}" denied the request'
    code = max(int(status.get("code") or 0), 400)
    message = f"{head}: {why}" if why else f"{head} without explanation"
    return ApiError(code, str(status.get("reason") or ""), message, status.get("details") or {})
