"""Policies of action CUSTOM: who is asked, about what, and what becomes of the answer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.web import Call, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
HTTP, GRPC = "envoyExtAuthzHttp", "envoyExtAuthzGrpc"
ALLOWED = {"x-ext-authz": "allow"}


class Authorizer:
    """Admits whom the header `x-ext-authz: allow` recommends, over HTTP as over gRPC."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        if call.header("content-type") == "application/grpc":
            message = b"\x0a\x00" if b"x-ext-authz\x12\x05allow" in call.body else b"\x0a\x02\x08\x07"
            frame = struct.pack("!BI", 0, len(message)) + message
            return Reply(200, (("content-type", "application/grpc"),), frame, (("grpc-status", "0"),))
        if call.header("x-ext-authz") == "allow":
            return Reply(200, (("x-verdict", "allowed"), ("x-more", "y")))
        return Reply(403, (("x-verdict", "denied"), ("x-more", "y")), b"denied by ext_authz")


@pytest.fixture(scope="module")
def authorizer(shared_town: Any) -> Authorizer:
    found = Authorizer()
    ip = shared_town.pod("authorizer", listening=False)
    shared_town.fabric.listen(ip, 8000, lambda: Http(found))
    shared_town.service("ext-authz", "authorizer", port={"name": "http", "port": 8000}, target=8000)
    return found


@pytest.fixture
def town(shared_town: Any, authorizer: Authorizer) -> Iterator[Any]:
    authorizer.calls.clear()
    yield shared_town
    for resource in ("authorizationpolicies.security.istio.io", "configmaps"):
        for stored in shared_town.store.objects(resource):
            shared_town.store.delete(stored.key)


def settings(kind: str = HTTP, service: str = "ext-authz.shop.svc.cluster.local", **more: Any) -> Object:
    provider = {"name": "asked", kind: {"service": service, "port": "8000", **more}}
    mesh = yaml.safe_dump({"extensionProviders": [provider]})
    meta = {"name": "istio", "namespace": "istio-system"}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"mesh": mesh}}


def policy(*paths: str, action: str = "CUSTOM", provider: str = "asked", name: str = "p") -> Object:
    rules = [{"to": [{"operation": {"paths": list(paths)}}]}] if paths else [{}]
    target = {"kind": "Service", "name": "hello", "group": ""}
    whom = {"provider": {"name": provider}} if action == "CUSTOM" else {}
    spec = {"action": action, "rules": rules, "targetRefs": [target], **whom}
    return {"kind": "AuthorizationPolicy", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


HEADERS = {"includeRequestHeadersInCheck": ["x-ext-authz"]}


@pytest.mark.parametrize(
    ("provider", "path", "headers", "status", "asked"),
    [
        pytest.param(settings(HTTP, **HEADERS), "/a", ALLOWED, 200, 1, id="HTTP admits"),
        pytest.param(settings(HTTP, **HEADERS), "/a", {}, 403, 1, id="HTTP refuses"),
        pytest.param(settings(GRPC), "/a", ALLOWED, 200, 1, id="gRPC admits"),
        pytest.param(settings(GRPC), "/a", {}, 403, 1, id="gRPC refuses"),
        pytest.param(settings(HTTP, **HEADERS), "/b", {}, 200, 0, id="no rule matches"),
        pytest.param(settings(HTTP, "other.shop.svc.cluster.local"), "/a", {}, 403, 0, id="no such host"),
        pytest.param(settings("zipkin"), "/a", {}, 403, 0, id="no authorizer"),
        pytest.param(settings("zipkin"), "/b", {}, 200, 0, id="no authorizer, no rule matches"),
    ],
)
async def test_a_request_that_a_rule_matches_is_put_to_the_authorizer(
    town: Any,
    authorizer: Authorizer,
    provider: Object,
    path: str,
    headers: dict[str, str],
    status: int,
    asked: int,
) -> None:
    town.put(provider, policy("/a"))
    await town.plane.settled()

    answer = await town.get("client", "hello", path, **headers)

    assert (answer.status, len(authorizer.calls)) == (status, asked)


async def test_the_authorizer_hears_and_says_what_the_settings_name(
    town: Any, authorizer: Authorizer
) -> None:
    names = {
        **HEADERS,
        "pathPrefix": "/check",
        "includeAdditionalHeadersInCheck": {"x-static": "always"},
        "headersToUpstreamOnAllow": ["x-verd*"],
        "headersToDownstreamOnAllow": ["x-more"],
        "headersToDownstreamOnDeny": ["x-verdict"],
    }
    town.put(settings(HTTP, **names), policy("/a"))
    await town.plane.settled()

    admitted = await town.get("client", "hello", "/a?b=c", **ALLOWED, x_secret="s")
    refused = await town.get("client", "hello", "/a")

    asked = authorizer.calls[0]
    assert (asked.method, asked.target, asked.authority) == ("GET", "/check/a?b=c", "town")
    assert (asked.header("x-static"), asked.header("x-secret")) == ("always", "")
    assert admitted.request["x-verdict"] == "allowed"
    assert "x-more" not in admitted.request
    assert admitted.headers["x-more"] == "y"
    assert (refused.body, refused.headers["x-verdict"]) == ("denied by ext_authz", "denied")
    assert "x-more" not in refused.headers


async def test_the_authorizer_gets_the_body_if_it_is_to(town: Any, authorizer: Authorizer) -> None:
    body = {"maxRequestBytes": 3, "allowPartialMessage": True}
    town.put(settings(HTTP, includeRequestBodyInCheck=body, **HEADERS), policy())
    await town.plane.settled()

    ip, headers = town.ips["client"], {"content_length": "4", "connection": "close", **ALLOWED}
    await town.request(ip, town.vips["hello"], 5000, "/a", "POST", body="long", **headers)

    assert (authorizer.calls[0].body, authorizer.calls[0].header("x-envoy-auth-partial-body")) == (
        b"lon",
        "true",
    )


@pytest.mark.parametrize(
    ("more", "status"),
    [({}, 403), ({"statusOnError": "503"}, 503), ({"failOpen": True}, 200)],
    ids=["default", "status", "open"],
)
async def test_what_happens_when_the_authorizer_does_not_answer(town: Any, more: Object, status: int) -> None:
    town.service("silent", port={"name": "http", "port": 8000}, target=8000)
    town.put(settings(HTTP, "silent.shop.svc.cluster.local", **more), policy())
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == status


async def test_two_authorizers_for_one_service_refuse_what_their_rules_match(
    town: Any, authorizer: Authorizer
) -> None:
    town.put(settings(HTTP, **HEADERS), policy("/a"), policy("/b", provider="another", name="q"))
    await town.plane.settled()

    statuses = [(await town.get("client", "hello", path, **ALLOWED)).status for path in ("/a", "/b", "/c")]

    assert (statuses, authorizer.calls) == ([403, 403, 200], [])


@pytest.mark.parametrize("action", ["DENY", "ALLOW"])
async def test_the_other_policies_come_after_the_authorizer(
    town: Any, authorizer: Authorizer, action: str
) -> None:
    town.put(
        settings(HTTP, **HEADERS),
        policy("/a"),
        policy("/a" if action == "DENY" else "/b", action=action, name="q"),
    )
    await town.plane.settled()

    assert (await town.get("client", "hello", "/a", **ALLOWED)).status == 403
    assert len(authorizer.calls) == 1


async def test_a_policy_that_only_audits_refuses_nothing(town: Any) -> None:
    town.put(policy(action="AUDIT"))
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == 200
