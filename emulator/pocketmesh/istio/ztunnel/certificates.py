"""The certificates that ztunnel holds for the workloads it stands in for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from pocketmesh.clock import rfc3339
from pocketmesh.istio.istiod.authority import Authority, pem
from pocketmesh.objects import Object


class Certificates:
    """One ztunnel's. A certificate is renewed when half of its time is over, if istiod is there to do it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[x509.Certificate, x509.Certificate]] = {}

    def dump(self, identities: Iterable[str], authority: Authority | None, now: datetime) -> list[Object]:
        """What `/config_dump` says of these identities; those that are gone are forgotten."""
        wanted = sorted(set(identities))
        self._held = {name: held for name, held in self._held.items() if name in wanted}
        if authority is not None:
            for identity in wanted:
                if identity not in self._held or _is_old(self._held[identity][0], now):
                    self._held[identity] = authority.certify(identity, now), authority.certificate
        return [self._entry(identity) for identity in wanted]

    def _entry(self, identity: str) -> Object:
        held = self._held.get(identity)
        if held is None:
            return {"identity": identity, "state": "Initializing", "certChain": [], "rootCerts": []}
        leaf, root = held
        return {
            "identity": identity,
            "state": "Available",
            "certChain": [_certificate(leaf)],
            "rootCerts": [_certificate(root)],
        }


def _is_old(certificate: x509.Certificate, now: datetime) -> bool:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now > since + (until - since) / 2


def _certificate(certificate: x509.Certificate) -> Object:
    return {
        "pem": pem(certificate),
        "serialNumber": str(certificate.serial_number),
        "validFrom": rfc3339(certificate.not_valid_before_utc),
        "expirationTime": rfc3339(certificate.not_valid_after_utc),
    }
