from __future__ import annotations

from typing import Any

import orjson
import pytest

from pocketmesh.api.client import Client
from pocketmesh.istio.istiod.validation import refusal
from pocketmesh.istio.istiod.validation.webhook import WebhookConfigurations, answer
from pocketmesh.istio.settings import Settings
from pocketmesh.node.commands.web import Call

VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
ROUTE = {"route": [{"destination": {"host": "web"}}]}


@pytest.mark.parametrize(
    ("kind", "spec", "why"),
    [
        pytest.param(
            "AuthorizationPolicy",
            {"action": "DENY"},
            "DENY action without `rules` is meaningless as it will never be triggered, "
            "add an empty rule `{}` if you want it be triggered for every request",
            id="deny nothing",
        ),
        pytest.param(
            "AuthorizationPolicy",
            {"action": "CUSTOM", "rules": [{}]},
            "`provider.name` must not be empty",
            id="custom without a provider",
        ),
        pytest.param(
            "AuthorizationPolicy",
            {
                "action": "CUSTOM",
                "provider": {"name": "ext"},
                "rules": [{"from": [{"source": {"namespaces": ["a"]}}]}],
            },
            "From.Namespaces is currently not supported with CUSTOM action",
            id="custom by namespace",
        ),
        pytest.param(
            "AuthorizationPolicy",
            {"rules": [{"from": [{"source": {}}]}]},
            "`from.source` must not be empty",
            id="from nobody",
        ),
        pytest.param(
            "AuthorizationPolicy",
            {"rules": [{"when": [{"key": "request.header[x]", "values": ["y"]}]}]},
            "unknown attribute: request.header[x]",
            id="misspelt attribute",
        ),
        pytest.param(
            "VirtualService",
            {"hosts": ["web"]},
            "http, tcp or tls must be provided in virtual service",
            id="no routes",
        ),
        pytest.param(
            "VirtualService",
            {"hosts": ["web"], "http": [{"match": []}]},
            "HTTP route, redirect or direct_response is required",
            id="a route to nowhere",
        ),
        pytest.param(
            "VirtualService",
            {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "a_b"}}]}]},
            'domain name "a_b" invalid (label "a_b" is invalid)',
            id="a host that cannot be",
        ),
        pytest.param(
            "DestinationRule",
            {"host": "web", "subsets": [{"labels": {}}]},
            "subset name cannot be empty",
            id="a subset without a name",
        ),
        pytest.param(
            "ServiceEntry",
            {"hosts": ["*.example.com"], "resolution": "DNS"},
            "hosts must be FQDN if no endpoints are provided for resolution mode DNS",
            id="nothing to resolve",
        ),
        pytest.param(
            "RequestAuthentication", {"jwtRules": [{"jwksUri": "x"}]}, "issuer must be set", id="no issuer"
        ),
    ],
)
def test_what_means_nothing_is_refused(kind: str, spec: dict[str, Any], why: str) -> None:
    assert refusal({"kind": kind, "spec": spec}) == f"configuration is invalid: {why}"


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("AuthorizationPolicy", {}),
        ("AuthorizationPolicy", {"action": "DENY", "rules": [{}]}),
        ("AuthorizationPolicy", {"action": "CUSTOM", "provider": {"name": "x"}, "rules": [{}]}),
        ("AuthorizationPolicy", {"rules": [{"when": [{"key": "request.headers[x]", "values": ["y"]}]}]}),
        ("VirtualService", {"hosts": ["web"], "http": [ROUTE]}),
        ("VirtualService", {"hosts": ["*.a.com"], "http": [{"redirect": {"uri": "/"}}]}),
        ("DestinationRule", {"host": "*.example.com", "subsets": [{"name": "v1"}]}),
        ("ServiceEntry", {"hosts": ["db.example.com"], "resolution": "DNS"}),
        ("Telemetry", {"anything": "goes"}),
    ],
)
def test_what_is_right_is_let_through(kind: str, spec: dict[str, Any]) -> None:
    assert refusal({"kind": kind, "spec": spec}) == ""


def test_several_mistakes_are_listed() -> None:
    spec = {"rules": [{"from": [{}], "to": [{}]}]}
    assert refusal({"kind": "AuthorizationPolicy", "spec": spec}) == (
        "configuration is invalid: 2 errors occurred:\n"
        "\t* `from.source` must not be empty\n\t* `to.operation` must not be empty\n\n"
    )


def review(path: str, body: bytes) -> Call:
    return Call("POST", path, "istiod", (), body)


def asked(obj: dict[str, Any]) -> bytes:
    request = {"uid": "1", "operation": "CREATE", "object": obj}
    return orjson.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})


@pytest.mark.parametrize(("path", "allowed"), [("/validate", False), ("/inject", True)])
async def test_a_review_is_answered(path: str, allowed: bool) -> None:
    deny = {"kind": "AuthorizationPolicy", "spec": {"action": "DENY"}}
    reply = await answer(review(path, asked(deny)))
    response = orjson.loads(reply.body)["response"]
    assert (response["uid"], response["allowed"]) == ("1", allowed)


@pytest.mark.parametrize(
    ("path", "body", "status"), [("/validate", b"nonsense", 400), ("/validate", b"[]", 400), ("/", b"", 404)]
)
async def test_what_is_no_review_is_refused(path: str, body: bytes, status: int) -> None:
    assert (await answer(review(path, body))).status == status


@pytest.mark.parametrize(("revision", "policy"), [("default", "Fail"), ("canary", "Ignore")])
def test_istiod_makes_its_own_webhook_strict(client: Client, revision: str, policy: str) -> None:
    hook = {
        "name": "validation.istio.io",
        "clientConfig": {"service": {"namespace": "istio-system", "name": "istiod"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    metadata = {"name": "validator", "labels": {"istio.io/rev": revision}}
    api = "admissionregistration.k8s.io/v1"
    made = {"apiVersion": api, "kind": "ValidatingWebhookConfiguration", "metadata": metadata}
    client.create(VALIDATING, {**made, "webhooks": [hook]})

    WebhookConfigurations(client, "PEM", Settings()).reconcile((VALIDATING, "validator"))

    (found,) = (client.get(VALIDATING, "", "validator") or {})["webhooks"]
    assert found["failurePolicy"] == policy
    assert ("caBundle" in found["clientConfig"]) is (policy == "Fail")
