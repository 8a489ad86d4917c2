"""Columns of bindings, requests, admission and aggregated APIs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pocketmesh.objects import Object, condition
from pocketmesh.schema import ages
from pocketmesh.schema.builtin.columns.cells import AGE, NAME, NONE, UNSET, at, text
from pocketmesh.schema.kind import Column


def _subjects(kind: str) -> Column:
    def cell(binding: Object) -> str:
        subjects = [subject for subject in binding.get("subjects", ()) if subject["kind"] == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{subject.get('namespace', '')}/{subject['name']}" for subject in subjects)
        return ", ".join(subject["name"] for subject in subjects)

    return text(f"{kind}s", cell, wide=True)


def _size(name: str, path: str) -> Column:
    return Column(name, "integer", "", "", 0, lambda obj, _now: len(at(obj, path, ())))


def _request_status(request: Object) -> str:
    if condition(request, "Denied"):
        word = "Denied"
    else:
        word = "Approved" if condition(request, "Approved") else "Pending"
    failed = ",Failed" if condition(request, "Failed") else ""
    return word + failed + (",Issued" if at(request, "status.certificate") else "")


def _duration(request: Object) -> str:
    seconds = at(request, "spec.expirationSeconds", None)
    return NONE if seconds is None else ages.human(timedelta(seconds=seconds))


def _param_kind(policy: Object) -> str:
    kind = at(policy, "spec.paramKind", None)
    return UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"


def _param_ref(binding: Object) -> str:
    reference = at(binding, "spec.paramRef", {})
    name = reference.get("name")
    return f"{reference.get('namespace') or '*'}/{name}" if name else UNSET


def _service(api_service: Object) -> str:
    service = at(api_service, "spec.service", None)
    return "Local" if service is None else f"{service['namespace']}/{service['name']}"


def _available(api_service: Object) -> str:
    found = condition(api_service, "Available") or {"status": "Unknown"}
    if found["status"] != "True" and found.get("reason"):
        return f"{found['status']} ({found['reason']})"
    return str(found["status"])


_BINDING: Final = (
    NAME,
    text("Role", lambda obj: f"{at(obj, 'roleRef.kind')}/{at(obj, 'roleRef.name')}"),
    AGE,
    _subjects("User"),
    _subjects("Group"),
    _subjects("ServiceAccount"),
)
_WEBHOOKS: Final = (NAME, _size("Webhooks", "webhooks"), AGE)
_POLICY_BINDING: Final = (
    NAME,
    text("PolicyName", lambda obj: at(obj, "spec.policyName")),
    text("ParamRef", _param_ref),
    AGE,
)
_ADMISSION: Final = "admissionregistration.k8s.io"

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "rolebindings.rbac.authorization.k8s.io": _BINDING,
    "clusterrolebindings.rbac.authorization.k8s.io": _BINDING,
    f"mutatingwebhookconfigurations.{_ADMISSION}": _WEBHOOKS,
    f"validatingwebhookconfigurations.{_ADMISSION}": _WEBHOOKS,
    f"validatingadmissionpolicies.{_ADMISSION}": (
        NAME,
        _size("Validations", "spec.validations"),
        text("ParamKind", _param_kind),
        AGE,
    ),
    f"mutatingadmissionpolicies.{_ADMISSION}": (
        NAME,
        _size("Mutations", "spec.mutations"),
        text("ParamKind", _param_kind),
        AGE,
    ),
    f"validatingadmissionpolicybindings.{_ADMISSION}": _POLICY_BINDING,
    f"mutatingadmissionpolicybindings.{_ADMISSION}": _POLICY_BINDING,
    "certificatesigningrequests.certificates.k8s.io": (
        NAME,
        AGE,
        text("SignerName", lambda obj: at(obj, "spec.signerName") or NONE),
        text("Requestor", lambda obj: at(obj, "spec.username")),
        text("RequestedDuration", _duration),
        text("Condition", _request_status),
    ),
    "apiservices.apiregistration.k8s.io": (
        NAME,
        text("Service", _service),
        text("Available", _available),
        AGE,
    ),
}
