"""Signers of the cluster's own: approved requests get their certificate, or are told why not.

Who approves is the users' business: nothing here approves by itself. Requests of other signers than
Kubernetes' own are left to whoever those are (pkg/controller/certificates/signer).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Hashable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pocketmesh.api.auth import issuing
from pocketmesh.api.certificate_requests import RESOURCE
from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import condition, is_true
from pocketmesh.store import Event

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

CLIENT: Final = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING: Final = "kubernetes.io/kubelet-serving"
_COMMON: Final = ("digital signature", "key encipherment")


class RequestRefused(Exception):
    """The signer does not sign such a request; the message is its own."""


class CertificateSigner:
    """Signs for the API's clients and for kubelets."""

    name = "csrsigning"

    def __init__(self, client: Client, clock: Clock, authority: issuing.Authority) -> None:
        self._client = client
        self._clock = clock
        self._authority = authority

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own(event, RESOURCE)

    def reconcile(self, key: Place) -> float | None:
        request = self._client.get(RESOURCE, *key)
        if request is None or not is_true(request, "Approved"):
            return None
        status, spec = request["status"], request["spec"]
        settled = status.get("certificate") or condition(request, "Denied") or condition(request, "Failed")
        if settled or spec["signerName"] not in (CLIENT, KUBELET_CLIENT, KUBELET_SERVING):
            return None
        now = self._clock.now()
        try:
            asked = issuing.read(base64.b64decode(spec["request"]))
            check(spec["signerName"], asked, spec["usages"])
            seconds = spec.get("expirationSeconds", issuing.LONGEST.total_seconds())
            lifetime = min(timedelta(seconds=seconds), issuing.LONGEST)
            issued = self._authority.issue(asked, spec["usages"], lifetime, now)
            status = {**status, "certificate": base64.b64encode(issued).decode()}
        except (RequestRefused, ValueError) as refused:
            failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure"}
            failed |= {"message": str(refused), "lastUpdateTime": rfc3339(now)}
            status = {**status, "conditions": with_condition(status["conditions"], failed, rfc3339(now))}
        self._client.update_status(RESOURCE, {**request, "status": status})
        return None


def check(signer: str, request: CertificateSigningRequest, usages: Collection[str]) -> None:
    """Raises RequestRefused for what a signer does not sign (pkg/apis/certificates/helpers.go)."""
    kind, purpose = ("serving", "server auth") if signer == KUBELET_SERVING else ("client", "client auth")
    if signer != CLIENT:
        _check_node(request, serving=signer == KUBELET_SERVING)
    for usage in usages:
        if usage not in (*_COMMON, purpose):
            raise RequestRefused(f"invalid usage for {kind} certificate: {usage}")
    if purpose not in usages:
        raise RequestRefused(f"missing required usage for {kind} certificate: {purpose}")


def _check_node(request: CertificateSigningRequest, *, serving: bool) -> None:
    names = issuing.alternative_names(request)
    if issuing.organizations(request) != ["system:nodes"]:
        raise RequestRefused("subject organization is not system:nodes")
    if serving and names is None:
        raise RequestRefused("DNS or IP subjectAltName is required")
    if not serving and names is not None:
        raise RequestRefused("DNS subjectAltNames are not allowed")
    if not issuing.common_name(request).startswith("system:node:"):
        raise RequestRefused("subject common name does not begin with system:node:")
