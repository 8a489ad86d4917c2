"""What a CertificateSigningRequest takes from its requester and from its approval. Pure.

Source: kubernetes pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.api.calls import Caller
from pocketmesh.objects import Object

RESOURCE: Final = "certificatesigningrequests.certificates.k8s.io"


def requested(obj: Object, caller: Caller) -> Object:
    """A new request, which is its caller's, whatever it says itself."""
    spec = {key: value for key, value in obj["spec"].items() if key not in ("uid", "extra")}
    spec |= {"username": caller.user, "groups": list(caller.groups)}
    if caller.uid:
        spec["uid"] = caller.uid
    return {**obj, "spec": spec}


def approved(new: Object, old: Object) -> Object:
    """The old request with the new one's conditions."""
    conditions = (new.get("status") or {}).get("conditions") or []
    return {**old, "status": {**(old.get("status") or {}), "conditions": conditions}}
