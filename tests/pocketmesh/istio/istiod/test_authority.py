from __future__ import annotations

from datetime import timedelta

from cryptography import x509

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import WallClock
from pocketmesh.istio.istiod.authority import open_authority
from pocketmesh.istio.ztunnel.certificates import Certificates

IDENTITY = "spiffe://cluster.local/ns/app/sa/web"


def test_the_authority_is_the_same_after_a_restart(client: Client) -> None:
    first = open_authority(client, WallClock(), "istio-system")

    assert open_authority(client, WallClock(), "istio-system").root == first.root


def test_a_workloads_certificate_is_signed_and_names_its_identity(client: Client, registry: Registry) -> None:
    authority = open_authority(client, registry.clock, "istio-system")

    certificate = authority.certify(IDENTITY, registry.clock.now())

    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [IDENTITY]


def test_a_certificate_is_kept_until_half_of_its_time_is_over(client: Client, registry: Registry) -> None:
    authority = open_authority(client, registry.clock, "istio-system")
    held, now = Certificates(), registry.clock.now()

    def serial(hours: int) -> str:
        entry = held.dump([IDENTITY], authority, now + timedelta(hours=hours))[0]
        return str(entry["certChain"][0]["serialNumber"])

    first = serial(0)
    assert serial(11) == first
    assert serial(13) != first


def test_without_istiod_a_new_identity_waits(registry: Registry) -> None:
    entry = Certificates().dump([IDENTITY], None, registry.clock.now())[0]

    assert (entry["state"], entry["certChain"]) == ("Initializing", [])
