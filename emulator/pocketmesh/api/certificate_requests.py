"""What a CertificateSigningRequest takes from its requester and from its approval. Pure.

Sources: kubernetes pkg/registry/certificates/certificates/strategy.go and
plugin/pkg/admission/certificates/subjectrestriction.
"""

from __future__ import annotations

import base64
from typing import Final

from pocketmesh.api.calls import Caller
from pocketmesh.objects import Object, condition

RESOURCE: Final = "certificatesigningrequests.certificates.k8s.io"
_CLIENTS: Final = "kubernetes.io/kube-apiserver-client"
_MASTERS: Final = "system:masters"


class Refused(Exception):
    """Nobody may ask for this."""


def requested(obj: Object, caller: Caller) -> Object:
    """A new request, which is its caller's, whatever it says itself. Raises Refused."""
    from pocketmesh.api.auth import issuing

    spec = {key: value for key, value in obj["spec"].items() if key not in ("uid", "extra")}
    spec |= {"username": caller.user, "groups": list(caller.groups)}
    if caller.uid:
        spec["uid"] = caller.uid
    if caller.extra:
        spec["extra"] = {key: list(values) for key, values in caller.extra.items()}
    try:
        asked = issuing.organizations(issuing.read(base64.b64decode(spec["request"])))
    except ValueError as error:
        raise Refused(f"could not parse CSR: {error}") from error
    if spec["signerName"] == _CLIENTS and _MASTERS in asked:
        raise Refused(f"use of {_CLIENTS} signer with {_MASTERS} group is not allowed")
    return {**obj, "spec": spec}


def approved(new: Object, old: Object) -> Object:
    """The old request with the new one's conditions."""
    conditions = (new.get("status") or {}).get("conditions") or []
    return {**old, "status": {**(old.get("status") or {}), "conditions": conditions}}


def dated(new: Object, old: Object, now: str) -> Object:
    """A changed request whose conditions say when they came."""
    status = new.get("status") or {}
    conditions = [
        {"lastTransitionTime": now, "lastUpdateTime": now, **(condition(old, entry["type"]) or {}), **entry}
        for entry in status.get("conditions") or []
    ]
    return {**new, "status": {**status, "conditions": conditions}} if conditions else new
