"""Writes that a webhook is asked about, the webhook being a server on this machine."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pocketmesh.api.calls import Caller, Write
from pocketmesh.objects import Object

Api = Any
WRITE = Write(Caller("test"))
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Judge:
    """Refuses every ConfigMap that holds something bad; `before` runs ahead of each answer."""

    def __init__(self) -> None:
        self.asked: list[Object] = []
        self.before: Callable[[], object] = lambda: None

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        review = await request.json()
        asked = review["request"]
        self.asked.append(asked)
        self.before()
        bad = "bad" in ((asked["object"] or {}).get("data") or {})
        response = {"uid": asked["uid"], "allowed": not bad, "warnings": ["looked"]}
        if bad:
            response["status"] = {"message": "no bad things"}
        return web.json_response({**review, "response": response})


@pytest.fixture
async def judge(api: Api, pki: Path) -> AsyncIterator[Judge]:
    judge = Judge()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pki / "server.crt", pki / "server.key")
    server = web.Server(judge)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    await configured(api, f"https://127.0.0.1:{port}/judge", pki)
    yield judge
    await runner.cleanup()


async def configured(api: Api, url: str, pki: Path, **more: Any) -> None:
    """Puts a webhook at this URL in charge of ConfigMaps."""
    bundle = b64encode((pki / "ca.crt").read_bytes()).decode()
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    hook = {
        "name": "judge.example.com",
        "clientConfig": {"url": url, "caBundle": bundle},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }
    body = {"metadata": {"name": "judge"}, "webhooks": [hook]}
    async with api.post(CONFIGURATIONS, body) as answer:
        assert answer.status == 201, await answer.text()


def config_map(name: str = "one", **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def test_what_a_webhook_allows_is_written(api: Api, judge: Judge) -> None:
    async with api.post(CONFIG_MAPS, config_map(good="x")) as answer:
        assert (answer.status, answer.headers["Warning"]) == (201, '299 - "looked"')
    assert [it["operation"] for it in judge.asked] == ["CREATE"]


async def test_what_a_webhook_denies_is_not_written(api: Api, judge: Judge) -> None:
    async with api.post(CONFIG_MAPS, config_map(bad="x")) as answer:
        status = await answer.json()
    assert (status["code"], status["message"]) == (
        400,
        'admission webhook "judge.example.com" denied the request: no bad things',
    )
    async with api.get(f"{CONFIG_MAPS}/one") as answer:
        assert answer.status == 404


async def test_a_webhook_sees_the_object_before_and_after(api: Api, judge: Judge) -> None:
    async with api.post(CONFIG_MAPS, config_map(a="1")):
        pass
    patch = {"data": {"a": "2"}}
    headers = {"Content-Type": "application/merge-patch+json"}
    async with api.session.patch(api.url(f"{CONFIG_MAPS}/one"), json=patch, headers=headers) as answer:
        assert answer.status == 200
    asked = judge.asked[-1]
    assert (asked["oldObject"]["data"], asked["object"]["data"]) == ({"a": "1"}, {"a": "2"})
    assert (asked["namespace"], asked["userInfo"]["username"]) == ("default", "kubernetes-admin")


async def test_a_deletion_is_asked_about_too(api: Api, judge: Judge) -> None:
    async with api.post(CONFIG_MAPS, config_map()):
        pass
    async with api.session.delete(api.url(f"{CONFIG_MAPS}/one")) as answer:
        assert answer.status == 200
    assert (judge.asked[-1]["operation"], judge.asked[-1]["object"]) == ("DELETE", None)


async def test_what_changes_meanwhile_is_asked_about_again(api: Api, judge: Judge) -> None:
    async with api.post(CONFIG_MAPS, config_map(a="1")) as answer:
        created = await answer.json()

    def interfere() -> None:
        judge.before = lambda: None
        kind = api.registry.kinds.stored("configmaps")
        changed = {**created, "data": {"a": "1", "b": "2"}}
        api.registry.update(kind, "default", "one", changed, WRITE)

    judge.before = interfere
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = {"data": {"a": "3"}}
    async with api.session.patch(api.url(f"{CONFIG_MAPS}/one"), json=patch, headers=headers) as answer:
        assert (await answer.json())["data"] == {"a": "3", "b": "2"}
    assert len(judge.asked) == 3


async def test_a_rehearsal_says_that_it_is_one(api: Api, judge: Judge) -> None:
    async with api.post(f"{CONFIG_MAPS}?dryRun=All", config_map()) as answer:
        assert answer.status == 201
    assert judge.asked[-1]["dryRun"] is True


async def test_other_kinds_are_not_asked_about(api: Api, judge: Judge) -> None:
    async with api.post("/api/v1/namespaces/default/secrets", config_map()) as answer:
        assert answer.status == 201
    assert judge.asked == []


async def test_without_an_answer_nothing_is_written(api: Api, pki: Path) -> None:
    await configured(api, "https://127.0.0.1:1/judge", pki)
    async with api.post(CONFIG_MAPS, config_map()) as answer:
        status = await answer.json()
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert status["message"].startswith(
        'Internal error occurred: failed calling webhook "judge.example.com": '
        'failed to call webhook: Post "https://127.0.0.1:1/judge?timeout=10s": '
    )


async def test_a_lenient_webhook_may_be_absent(api: Api, pki: Path) -> None:
    await configured(api, "https://127.0.0.1:1/judge", pki, failurePolicy="Ignore")
    async with api.post(CONFIG_MAPS, config_map()) as answer:
        assert answer.status == 201


async def test_a_webhook_elsewhere_is_not_called(api: Api, pki: Path) -> None:
    await configured(api, "https://example.com/judge", pki)
    async with api.post(CONFIG_MAPS, config_map()) as answer:
        assert "webhooks outside this machine are not called" in (await answer.json())["message"]


async def test_a_service_that_is_not_there_is_said_so(api: Api, pki: Path) -> None:
    service = {"namespace": "default", "name": "judge", "path": "/judge"}
    await configured(api, "", pki, clientConfig={"service": service})
    async with api.post(CONFIG_MAPS, config_map()) as answer:
        message = (await answer.json())["message"]
    assert message.endswith(
        'Post "https://judge.default.svc:443/judge?timeout=10s": service "judge" not found'
    )


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, 0),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, 1),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}, 0),
        ({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'one'"}]}, 1),
        ({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'two'"}]}, 0),
    ],
    ids=["object", "namespace", "other namespace", "condition", "other condition"],
)
async def test_a_webhook_chooses_what_it_is_asked_about(
    api: Api, pki: Path, more: dict[str, Any], asked: int
) -> None:
    await configured(api, "https://127.0.0.1:1/judge", pki, **more)
    async with api.post(CONFIG_MAPS, config_map()) as answer:
        assert answer.status == (500 if asked else 201)
