"""Each cluster has a CA of its own, kept private and kept for good."""

from __future__ import annotations

import asyncio
import ssl
import stat

import yaml
from cryptography import x509

from pocketmesh.api.auth.authentication import of_certificate
from pocketmesh.api.auth.certificates import open_credentials
from pocketmesh.api.auth.kubeconfig import kubeconfig
from pocketmesh.clock import WallClock


def test_a_restart_finds_the_same_credentials(credentials, clock):
    assert open_credentials(credentials.directory, clock) == credentials


def test_every_file_is_its_owners_alone(credentials):
    modes = {stat.S_IMODE(path.stat().st_mode) for path in credentials.directory.iterdir()}
    assert modes == {0o600}


def test_the_server_is_known_by_its_names_in_and_out_of_the_cluster(credentials):
    certificate = x509.load_pem_x509_certificate(credentials.server.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    assert {"127.0.0.1", "10.96.0.1"} <= {str(ip) for ip in names.get_values_for_type(x509.IPAddress)}


def test_a_kubeconfig_holds_all_that_a_client_needs(credentials):
    config = yaml.safe_load(kubeconfig(credentials, "https://127.0.0.1:6443", name="lab", namespace="shop"))
    assert config["current-context"] == "lab"
    assert config["contexts"][0]["context"]["namespace"] == "shop"
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"


async def test_the_administrators_certificate_names_user_and_group(tmp_path):
    credentials = open_credentials(tmp_path / "now", WallClock())
    seen: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(writer.get_extra_info("peercert"))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=credentials.tls())
    context = ssl.create_default_context(cadata=credentials.authority.certificate.decode())
    context.load_cert_chain(credentials.directory / "admin.crt", credentials.directory / "admin.key")
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=context)
    await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()
    caller = of_certificate(seen.result())
    assert (caller.user, caller.groups) == ("kubernetes-admin", ("system:masters", "system:authenticated"))
