"""TLS in front of a protocol, for servers in containers.

asyncio's own can only be laid over a socket, and what a listener is given may be something else: a
connection that ztunnel counts. So this is Python's `ssl` between two buffers.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

Application = Callable[[str], asyncio.Protocol]
"""Makes the protocol for the decrypted bytes; it is given what ALPN agreed on, if anything."""

_CHUNK: Final = 65536
_LIFETIME: Final = timedelta(days=3650)


class Tls(asyncio.Protocol):
    """The server's side of one connection."""

    def __init__(self, context: ssl.SSLContext, application: Application) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.connection = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._make = application
        self.application: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._incoming.write(data)
        try:
            if self.application is None:
                self.connection.do_handshake()
                self.application = self._make(self.connection.selected_alpn_protocol() or "")
                self.application.connection_made(_Encrypting(self, self._transport))
            while plain := self.connection.read(_CHUNK):
                self.application.data_received(plain)
            self._transport.close()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._flush()
            self._transport.close()

    def eof_received(self) -> None:
        if self.application is not None:
            self.application.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.application is not None:
            self.application.connection_lost(exc)

    def pause_writing(self) -> None:
        if self.application is not None:
            self.application.pause_writing()

    def resume_writing(self) -> None:
        if self.application is not None:
            self.application.resume_writing()

    def send(self, data: bytes) -> None:
        """Encrypts and sends."""
        self.connection.write(data)
        self._flush()

    def close(self) -> None:
        """Says goodbye and closes."""
        with suppress(ssl.SSLError):  # the client need not have said goodbye
            self.connection.unwrap()
        self._flush()
        assert self._transport is not None
        self._transport.close()

    def _flush(self) -> None:
        assert self._transport is not None
        if data := self._outgoing.read():
            self._transport.write(data)


class _Encrypting(asyncio.Transport):
    """What the application writes to."""

    def __init__(self, tls: Tls, transport: asyncio.Transport) -> None:
        super().__init__()
        self._tls = tls
        self._transport = transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._transport.is_closing():
            self._tls.send(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if not self._transport.is_closing():
            self._tls.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._tls.application = protocol

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._tls.application is not None
        return self._tls.application

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls.connection
        if name == "peercert":
            return self._tls.connection.getpeercert()
        return self._transport.get_extra_info(name, default)


def server_context(certificate: bytes, key: bytes, alpn: Iterable[str]) -> ssl.SSLContext:
    """How a server with this certificate, in PEM, speaks TLS. Raises ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(alpn))
    with tempfile.TemporaryDirectory() as directory:  # ssl reads them from files only
        chain = Path(directory) / "chain.pem"
        chain.touch(mode=0o600)
        chain.write_bytes(key + b"\n" + certificate)
        context.load_cert_chain(chain)
    return context


def self_signed(name: str) -> tuple[bytes, bytes]:
    """A new certificate that nobody trusts, and its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private
