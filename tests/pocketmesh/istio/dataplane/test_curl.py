"""What curl, being libcurl, reports when ztunnel breaks a connection off."""

from __future__ import annotations

import asyncio
import io
import socket
from typing import Any

import pycurl
import pytest


def curl(connected: socket.socket, body: bytes = b"") -> int:
    """Sends a request over a connected socket and returns curl's exit code."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, "http://hello:5000/hello")
    handle.setopt(pycurl.RESOLVE, ["hello:5000:10.96.0.20"])
    handle.setopt(pycurl.OPENSOCKETFUNCTION, lambda purpose, address: connected)
    handle.setopt(pycurl.SOCKOPTFUNCTION, lambda curlfd, purpose: pycurl.SOCKOPT_ALREADY_CONNECTED)
    handle.setopt(pycurl.WRITEDATA, io.BytesIO())
    handle.setopt(pycurl.NOSIGNAL, 1)
    if body:
        handle.setopt(pycurl.POSTFIELDS, body)
    try:
        handle.perform()
    except pycurl.error as error:
        return int(error.args[0])
    finally:
        handle.close()
        connected.close()
    return 0


@pytest.mark.parametrize("body", [b"", b"x" * 1000], ids=["GET", "POST"])
async def test_a_refusal_is_always_a_reset(town: Any, body: bytes) -> None:
    town.pod("client")
    town.pod("server")
    town.service("hello", "server")
    nobody = {"metadata": {"name": "nobody", "namespace": "shop"}, "spec": {}}
    town.put({"kind": "AuthorizationPolicy", **nobody})

    codes = []
    for _ in range(20):
        sock = await town.fabric.dial(town.ips["client"], town.vips["hello"], 5000)
        codes.append(await asyncio.to_thread(curl, sock, body))

    assert codes == [56] * 20
