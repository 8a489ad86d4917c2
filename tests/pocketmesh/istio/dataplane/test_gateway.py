"""A gateway of class `istio` with a real Envoy, called from pods and by TLS clients."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from pocketmesh.node.commands.calling import Caller, Request
from pocketmesh.node.commands.http2 import Http2
from pocketmesh.node.commands.tls import Tls, server_context
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.store import Key

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
HTTP: Object = {"name": "http", "port": 80, "protocol": "HTTP"}
FOREIGN: Object = {"group": "x.org", "kind": "Thing", "name": "hello-v1", "port": 5000, "weight": 1}
LABELS = {"istio.io/use-waypoint": "waypoint"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gated(shared_town: Any) -> Any:
    await shared_town.gateway(HTTP)
    return shared_town


@pytest.fixture
def town(gated: Any) -> Iterator[Any]:
    yield gated
    for kind in ("httproutes", "tlsroutes"):
        for stored in gated.store.objects(f"{kind}.gateway.networking.k8s.io"):
            gated.store.delete(stored.key)
    for stored in gated.store.objects("authorizationpolicies.security.istio.io"):
        gated.store.delete(stored.key)
    gated.listeners(HTTP)
    gated.service("hello", "v1", "v2", **LABELS)


def route(*rules: Object, name: str = "r", namespace: str = "shop", **spec: Any) -> Object:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw", "namespace": "shop"}
    return {
        "kind": spec.pop("kind", "HTTPRoute"),
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"parentRefs": [{**parent, **spec.pop("parent", {})}], "rules": list(rules), **spec},
    }


def to(name: str, port: int = 5000, **rule: Any) -> Object:
    return {"backendRefs": [{"kind": "Service", "name": name, "port": port, "weight": 1}], **rule}


def policy(name: str, namespace: str, **spec: Any) -> Object:
    meta = {"name": name, "namespace": namespace}
    return {"kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


def speaking(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> asyncio.Protocol:
    return asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve)


async def get(town: Any, path: str = "/hello", port: int = 80, **more: Any) -> Any:
    await town.plane.settled()
    return await town.request(town.ips["client"], town.ips["gw-1"], port, path, **more)


async def test_a_request_goes_to_the_backend_of_its_route(town: Any) -> None:
    town.put(route(to("hello-v2")))

    answer = await get(town)

    assert (answer.status, answer.instance) == (200, "v2")
    assert answer.headers["server"] == "istio-envoy"
    assert answer.headers["x-envoy-decorator-operation"] == "hello-v2.shop.svc.cluster.local:5000/*"
    assert answer.request["x-forwarded-for"] == town.ips["client"]
    assert answer.request["x-forwarded-proto"] == "http"


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        pytest.param(
            to("hello-v1", matches=[{"path": {"type": "Exact", "value": "/x"}}]), 404, id="no match"
        ),
        pytest.param(to("missing"), 500, id="no such backend"),
        pytest.param(to("hello-v1", 81), 500, id="no such port"),
        pytest.param({"backendRefs": [FOREIGN]}, 500, id="not a Service, but of the name of one"),
        pytest.param(to("empty"), 503, id="no endpoint"),
    ],
)
async def test_what_fails_fails_with_istios_codes(town: Any, rule: Object, status: int) -> None:
    town.service("empty")
    town.put(route(rule))

    assert (await get(town)).status == status


async def test_a_backend_elsewhere_needs_a_grant(town: Any) -> None:
    town.listeners({**HTTP, "allowedRoutes": {"namespaces": {"from": "All"}}})
    rule = to("hello-v1")
    rule["backendRefs"][0]["namespace"] = "shop"
    town.put(route(rule, namespace="other"))

    assert (await get(town)).status == 500

    source = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "other"}
    spec = {"from": [source], "to": [{"group": "", "kind": "Service"}]}
    town.put({"kind": "ReferenceGrant", "metadata": {"name": "g", "namespace": "shop"}, "spec": spec})
    assert (await get(town)).status == 200
    town.drop("ReferenceGrant", "g")


async def test_a_hostname_chooses_among_listeners_of_one_port(town: Any) -> None:
    town.listeners(
        {**HTTP, "hostname": "*.example.com"},
        {**HTTP, "name": "shop", "hostname": "shop.example.com"},
    )
    town.put(route(to("hello-v1"), name="any", parent={"sectionName": "http"}))
    town.put(route(to("hello-v2"), name="shop", parent={"sectionName": "shop"}))

    hosts = ("shop.example.com", "a.example.com", "a.example.com:8080", "example.org")
    answers = [await get(town, host=host) for host in hosts]

    assert [answer.instance if answer.status == 200 else answer.status for answer in answers] == [
        "v2",
        "v1",
        "v1",
        404,
    ]


@pytest.mark.parametrize(
    ("rejecting", "status"),
    [
        pytest.param(policy("p", "istio-system"), 403, id="mesh-wide"),
        pytest.param(policy("p", "shop"), 403, id="of its namespace"),
        pytest.param(policy("p", "other"), 200, id="of another namespace"),
        pytest.param(
            policy("p", "shop", selector={"matchLabels": {"gateway.networking.k8s.io/gateway-name": "gw"}}),
            403,
            id="that selects it",
        ),
        pytest.param(policy("p", "shop", selector={"matchLabels": {"app": "v1"}}), 503, id="of the backend"),
        pytest.param(
            policy(
                "p",
                "shop",
                targetRefs=[{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}],
            ),
            403,
            id="that targets it",
        ),
    ],
)
async def test_a_gateway_obeys_policies(town: Any, rejecting: Object, status: int) -> None:
    town.put(route(to("hello-v1")), rejecting)

    answer = await get(town)

    assert answer.status == status
    if status == 403:
        assert answer.body == "RBAC: access denied"


async def test_pods_know_the_gateway_by_its_service_account(town: Any) -> None:
    principals = ["cluster.local/ns/shop/sa/gw-1-account"]
    rules = [{"from": [{"source": {"principals": principals}}]}]
    selector = {"matchLabels": {"app": "v1"}}
    town.put(route(to("hello-v1")), policy("only-gw", "shop", selector=selector, rules=rules))

    assert (await get(town)).status == 200
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await town.get("client", "hello-v1")


@pytest.mark.parametrize("asked", [True, False])
async def test_a_waypoint_sees_what_comes_by_a_gateway_if_asked(town: Any, asked: bool) -> None:
    town.service("hello", "v1", **LABELS, **{"istio.io/ingress-use-waypoint": str(asked).lower()})
    marked = {
        "type": "ResponseHeaderModifier",
        "responseHeaderModifier": {"set": [{"name": "by", "value": "w"}]},
    }
    parent = {"group": "", "kind": "Service", "name": "hello"}
    town.put(route(to("hello", filters=[marked]), name="mesh", parent=parent), route(to("hello")))

    answer = await get(town)

    assert answer.status == 200
    assert ("by" in answer.headers) is asked


async def test_a_port_that_is_no_more_refuses(town: Any) -> None:
    town.listeners(HTTP, {**HTTP, "name": "second", "port": 8080})
    town.put(route(to("hello-v1")))
    assert (await get(town, port=8080)).status == 200

    town.listeners(HTTP)
    await town.plane.settled()

    with pytest.raises(ConnectionRefusedError):
        await town.request(town.ips["outsider"], town.ips["gw-1"], 8080, "/")


async def test_a_websocket_is_let_through(town: Any) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        writer.write(b"<" + await reader.readexactly(4) + b">")
        writer.close()

    town.fabric.listen(town.ips["v1"], 5001, partial(speaking, upgrade))
    town.service("ws", "v1", target=5001)
    town.put(route(to("ws")))
    await town.plane.settled()
    sock = await town.fabric.dial(town.ips["client"], town.ips["gw-1"], 80)
    reader, writer = await asyncio.open_connection(sock=sock)

    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nping")

    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    assert await reader.readexactly(6) == b"<ping>"
    writer.close()


def https(town: Any, **more: Any) -> Object:
    chain, key = town.fabric.outside.authority.issue("shop.example.com", town.clock.now())
    data = {"tls.crt": b64encode(chain).decode(), "tls.key": b64encode(key).decode()}
    town.put({"kind": "Secret", "metadata": {"name": "cert", "namespace": "shop"}, "data": data})
    own = {"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "shop.example.com"}
    return {**own, "tls": {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}, **more}


async def handshake(town: Any, host: str, *protocols: str) -> tuple[Any, asyncio.StreamReader, Any]:
    await town.plane.settled()
    context = ssl.create_default_context(cadata=town.fabric.outside.authority.certificate.decode())
    context.set_alpn_protocols(protocols)
    sock = await town.fabric.dial(town.ips["client"], town.ips["gw-1"], 443)
    reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host)
    return writer.get_extra_info("ssl_object"), reader, writer


async def test_tls_is_terminated_with_the_certificate_of_the_secret(town: Any) -> None:
    town.listeners(HTTP, https(town))
    town.put(route(to("hello-v1"), parent={"sectionName": "https"}))

    tls, reader, writer = await handshake(town, "shop.example.com", "http/1.1")
    writer.write(b"GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n")
    answer = (await reader.read()).lower()
    writer.close()

    assert answer.startswith(b"http/1.1 200 ok")
    assert b"x-forwarded-proto: https" in answer
    assert tls.selected_alpn_protocol() == "http/1.1"


async def test_a_certificate_that_envoy_rejects_keeps_no_other_port_closed(town: Any) -> None:
    listener = https(town)
    _, other_key = town.fabric.outside.authority.issue("shop.example.com", town.clock.now())
    secret = town.store.get(Key("secrets", "shop", "cert")).object
    data = {**secret["data"], "tls.key": b64encode(other_key).decode()}
    town.put({**secret, "data": data})
    town.listeners(HTTP, listener, {**HTTP, "name": "second", "port": 8080})
    town.put(route(to("hello-v1")))

    assert (await get(town, port=8080)).status == 200
    log = b"".join(line.data for line in town.logs["gw-1"].lines()).decode()
    assert "configuration rejected, the old one stays: lds.json" in log


async def test_http2_is_offered_over_tls(town: Any) -> None:
    town.listeners(https(town))

    tls, _, writer = await handshake(town, "shop.example.com", "h2", "http/1.1")
    writer.close()

    assert tls.selected_alpn_protocol() == "h2"


async def test_a_name_that_no_listener_has_ends_the_handshake(town: Any) -> None:
    town.listeners(https(town))

    with pytest.raises((ConnectionError, ssl.SSLError)):
        await handshake(town, "other.example.com")


async def test_plain_requests_are_sent_to_tls(town: Any) -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    town.put(route({"filters": [redirect]}))

    answer = await get(town, "/x", host="shop.example.com")

    assert (answer.status, answer.headers["location"]) == (301, "https://shop.example.com/x")


async def test_tls_that_is_passed_through_ends_at_the_backend(town: Any) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    issued = town.fabric.outside.authority.issue("app.example.com", town.clock.now())
    context = server_context(*issued, ("http/1.1",))
    town.fabric.listen(town.ips["v1"], 5443, lambda: Tls(context, lambda _: speaking(greet)))
    town.service("secure", "v1", port={"name": "https", "port": 443}, target=5443)
    town.listeners({"name": "tls", "port": 443, "protocol": "TLS", "tls": {"mode": "Passthrough"}})
    town.put(route(to("secure", 443), kind="TLSRoute", hostnames=["app.example.com"]))

    _, reader, writer = await handshake(town, "app.example.com")

    assert await reader.readline() == b"hello\n"
    writer.close()


async def test_grpc_goes_by_method(town: Any) -> None:
    town.fabric.listen(town.ips["v2"], 7070, partial(Http2, grpc_reply))
    town.service("carts", "v2", port={"name": "grpc", "port": 7070}, target=7070)
    matches = [{"method": {"type": "Exact", "service": "Cart", "method": "Add"}}]
    town.put(route(to("carts", 7070, matches=matches), kind="GRPCRoute"))
    await town.plane.settled()
    caller = Caller(town.container("client"))
    url = f"http://{town.ips['gw-1']}/Cart/Add"

    answer = await caller.call(Request(url, "POST", (("content-type", "application/grpc"),), b"", http2=True))

    assert answer.value("seen") == "/Cart/Add"
    caller.close()


async def grpc_reply(call: Call) -> Reply:
    headers = (("content-type", "application/grpc"), ("seen", call.target))
    return Reply(headers=headers, body=b"\0\0\0\0\0", trailers=(("grpc-status", "0"),))
