"""JSON Web Tokens at a waypoint: which are accepted, what of them is passed on, what policies ask of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
SERVICE = {"kind": "Service", "name": "hello", "group": ""}
GATEWAY = {"kind": "Gateway", "name": "waypoint", "group": "gateway.networking.k8s.io"}
CLASS = {"kind": "GatewayClass", "name": "istio-waypoint", "group": "gateway.networking.k8s.io"}
KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("own", "other")}
LATER, EARLIER = 4_000_000_000, 1_000_000_000


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key: str = "own", **claims: Any) -> str:
    payload = {"iss": "issuer", "sub": "alice", "exp": LATER, **claims}
    parts = ({"alg": "RS256", "kid": key}, payload)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(KEYS[key].sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def key_set(*names: str) -> str:
    keys = []
    for name in names:
        public = KEYS[name].public_key().public_numbers()
        numbers = {"n": encoded(public.n.to_bytes(256)), "e": encoded(public.e.to_bytes(3))}
        keys.append({"kty": "RSA", "kid": name, **numbers})
    return json.dumps({"keys": keys})


def issuer(name: str = "issuer", key: str = "own", **rule: Any) -> Object:
    return {"issuer": name, "jwks": key_set(key), **rule}


def tokens(*rules: Object, target: Object | None = SERVICE, namespace: str = "shop") -> Object:
    return {
        "kind": "RequestAuthentication",
        "metadata": {"name": "tokens", "namespace": namespace},
        "spec": {"jwtRules": list(rules), **({"targetRefs": [target]} if target else {})},
    }


def policy(*rules: Object, action: str = "ALLOW") -> Object:
    return {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "policy", "namespace": "shop"},
        "spec": {"action": action, "rules": list(rules), "targetRefs": [SERVICE]},
    }


def bearing(found: str) -> dict[str, str]:
    return {"authorization": f"Bearer {found}"}


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    yield shared_town
    kinds = (
        "authorizationpolicies.security",
        "requestauthentications.security",
        "virtualservices.networking",
    )
    for kind in kinds:
        for stored in shared_town.store.objects(f"{kind}.istio.io"):
            shared_town.store.delete(stored.key)


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param({}, 200, "", id="none"),
        pytest.param(bearing(token()), 200, "", id="valid"),
        pytest.param(bearing(token(exp=EARLIER)), 401, "Jwt is expired", id="expired"),
        pytest.param(bearing(token(iss="stranger")), 401, "Jwt issuer is not configured", id="stranger"),
        pytest.param(
            bearing(token("other", kid="own")), 401, "Jwks doesn't have key to match kid or alg", id="key"
        ),
        pytest.param(
            bearing("x"), 401, "Jwt is not in the form of Header.Payload.Signature", id="no token at all"
        ),
        pytest.param(bearing(token()[:-8] + "AAAAAAAA"), 401, "Jwt verification fails", id="forged"),
        pytest.param({"authorization": "Basic x"}, 200, "", id="another scheme"),
    ],
)
async def test_a_token_must_be_valid_but_need_not_be_there(
    town: Any, headers: dict[str, str], status: int, body: str
) -> None:
    town.put(tokens(issuer()))
    await town.plane.settled()

    answer = await town.get("client", "hello", **headers)

    assert answer.status == status
    if status == 401:
        assert answer.body.startswith(body)
        assert answer.headers["www-authenticate"].startswith('Bearer realm="http://town/hello"')


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        pytest.param({"aud": "shop"}, 200, id="the audience"),
        pytest.param({"aud": ["x", "shop"]}, 200, id="among others"),
        pytest.param({"aud": "x"}, 403, id="another"),
        pytest.param({}, 403, id="none"),
    ],
)
async def test_a_token_is_for_an_audience(town: Any, claims: Object, status: int) -> None:
    town.put(tokens(issuer(audiences=["shop"])))
    await town.plane.settled()

    answer = await town.get("client", "hello", **bearing(token(**claims)))

    assert answer.status == status
    if status == 403:
        assert answer.body == "Audiences in Jwt are not allowed"


@pytest.mark.parametrize(
    ("rule", "path", "headers"),
    [
        pytest.param({"fromHeaders": [{"name": "x-token"}]}, "/hello", {"x-token": "TOKEN"}, id="header"),
        pytest.param(
            {"fromHeaders": [{"name": "x-token", "prefix": "It is "}]},
            "/hello",
            {"x-token": "It is TOKEN"},
            id="header with a prefix",
        ),
        pytest.param({"fromParams": ["token"]}, "/hello?token=TOKEN", {}, id="parameter"),
        pytest.param({"fromCookies": ["token"]}, "/hello", {"cookie": "token=TOKEN"}, id="cookie"),
    ],
)
async def test_a_token_is_where_the_rule_says(
    town: Any, rule: Object, path: str, headers: dict[str, str]
) -> None:
    town.put(tokens(issuer(**rule)), policy({"from": [{"source": {"requestPrincipals": ["*"]}}]}))
    await town.plane.settled()

    filled = {name: value.replace("TOKEN", token()) for name, value in headers.items()}
    answer = await town.get("client", "hello", path.replace("TOKEN", token()), **filled)
    elsewhere = await town.get("client", "hello", **bearing(token()))

    assert (answer.status, elsewhere.status) == (200, 403)


async def test_keys_that_were_not_fetched_let_no_token_pass(town: Any) -> None:
    rule = {"issuer": "issuer", "jwksUri": "http://issuer.example/jwks"}
    town.put(tokens(rule))
    await town.plane.settled()
    before = [(await town.get("client", "hello", **found)) for found in (bearing(token()), {})]

    town.plane.learn({"http://issuer.example/jwks": key_set("own")})
    await town.plane.settled()
    after = await town.get("client", "hello", **bearing(token()))

    assert [answer.status for answer in (*before, after)] == [401, 200, 200]
    assert before[0].body == "Jwks doesn't have key to match kid or alg from Jwt"


@pytest.mark.parametrize("forwarded", [True, False])
async def test_the_token_itself_is_passed_on_if_wanted(town: Any, forwarded: bool) -> None:
    town.put(tokens(issuer(forwardOriginalToken=forwarded)))
    await town.plane.settled()

    answer = await town.get("client", "hello", **bearing(token()))

    assert ("authorization" in answer.request) is forwarded


async def test_payload_and_claims_are_passed_on_as_headers(town: Any) -> None:
    claims = [{"header": "x-who", "claim": "sub"}]
    town.put(tokens(issuer(outputPayloadToHeader="x-payload", outputClaimToHeaders=claims)))
    await town.plane.settled()

    answer = await town.get("client", "hello", **bearing(token()))

    payload = answer.request["x-payload"]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["iss"] == "issuer"
    assert answer.request["x-who"] == "alice"


@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param(token(), 200, id="of the first"),
        pytest.param(token("other", iss="second"), 200, id="of the second"),
        pytest.param(token("other"), 401, id="with the key of another"),
        pytest.param("", 200, id="none"),
    ],
)
async def test_any_of_several_issuers_will_do(town: Any, found: str, status: int) -> None:
    town.put(tokens(issuer(), issuer("second", "other")))
    await town.plane.settled()

    answer = await town.get("client", "hello", **(bearing(found) if found else {}))

    assert answer.status == status


@pytest.mark.parametrize(
    ("target", "namespace", "status"),
    [
        pytest.param(GATEWAY, "shop", 401, id="gateway"),
        pytest.param(CLASS, "istio-system", 401, id="class"),
        pytest.param(CLASS, "shop", 200, id="class from outside the root namespace"),
        pytest.param({**SERVICE, "name": "hello-v1"}, "shop", 200, id="another service"),
        pytest.param(None, "shop", 200, id="no target: nobody enforces it"),
    ],
)
async def test_it_is_enforced_where_it_is_attached(
    town: Any, target: Object | None, namespace: str, status: int
) -> None:
    town.put(tokens(issuer(), target=target, namespace=namespace))
    await town.plane.settled()

    assert (await town.get("client", "hello", **bearing(token(exp=EARLIER)))).status == status


def principal(*values: str, negated: bool = False) -> Object:
    return {"from": [{"source": {"notRequestPrincipals" if negated else "requestPrincipals": list(values)}}]}


def when(key: str, *values: str, field: str = "values") -> Object:
    return {"when": [{"key": key, field: list(values)}]}


ALICE = token(
    aud=["shop", "bank"],
    azp="app",
    groups=["admins", "staff"],
    scope="read write",
    level=3,
    nested={"inner": {"deep": "down"}},
)


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        pytest.param(principal("issuer/alice"), 200, id="principal"),
        pytest.param(principal("issuer/bob"), 403, id="another principal"),
        pytest.param(principal("*"), 200, id="any principal"),
        pytest.param(principal("issuer/*"), 200, id="any subject"),
        pytest.param(principal("*/alice"), 200, id="any issuer"),
        pytest.param(principal("*ice"), 200, id="end of a subject"),
        pytest.param(principal("iss*"), 200, id="beginning of an issuer"),
        pytest.param(principal("issuer/al*"), 200, id="beginning of a subject"),
        pytest.param(principal("issuer"), 403, id="issuer alone"),
        pytest.param(principal("issuer/alice", negated=True), 403, id="not this principal"),
        pytest.param(when("request.auth.principal", "issuer/alice"), 200, id="when principal"),
        pytest.param(when("request.auth.audiences", "bank"), 200, id="audience"),
        pytest.param(when("request.auth.audiences", "x"), 403, id="another audience"),
        pytest.param(when("request.auth.presenter", "app"), 200, id="presenter"),
        pytest.param(when("request.auth.claims[groups]", "staff"), 200, id="claim in a list"),
        pytest.param(when("request.auth.claims[groups]", "adm*"), 200, id="beginning of a claim"),
        pytest.param(when("request.auth.claims[groups]", "guests"), 403, id="another claim"),
        pytest.param(when("request.auth.claims[groups]", "staff", field="notValues"), 403, id="not claim"),
        pytest.param(when("request.auth.claims[scope]", "write"), 200, id="word of a scope"),
        pytest.param(when("request.auth.claims[nested][inner][deep]", "down"), 200, id="nested claim"),
        pytest.param(when("request.auth.claims[level]", "3"), 403, id="a number is no string"),
    ],
)
async def test_policies_ask_for_what_the_token_says(town: Any, rule: Object, status: int) -> None:
    town.put(tokens(issuer()), policy(rule))
    await town.plane.settled()

    answer = await town.get("client", "hello", **bearing(ALICE))
    without = await town.get("client", "hello")

    assert answer.status == status
    assert without.status == (200 if "not" in json.dumps(rule) else 403)


async def test_a_deny_of_requests_without_a_principal_requires_a_token(town: Any) -> None:
    town.put(tokens(issuer()), policy(principal("*", negated=True), action="DENY"))
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == 403
    assert (await town.get("client", "hello", **bearing(token()))).status == 200


@pytest.mark.parametrize(
    ("name", "value", "instance"),
    [
        pytest.param("@request.auth.claims.groups", {"exact": "staff"}, "v2", id="claim"),
        pytest.param("@request.auth.claims[nested][inner][deep]", {"prefix": "do"}, "v2", id="nested claim"),
        pytest.param("@request.auth.claims.nested.inner.deep", {"exact": "down"}, "v2", id="with dots"),
        pytest.param("@request.auth.claims.groups", {"exact": "guests"}, "v1", id="another claim"),
    ],
)
async def test_a_virtual_service_routes_by_claims(town: Any, name: str, value: Object, instance: str) -> None:
    routes = [
        {"match": [{"headers": {name: value}}], "route": [{"destination": {"host": "hello-v2"}}]},
        {"route": [{"destination": {"host": "hello-v1"}}]},
    ]
    town.put(
        tokens(issuer()),
        {
            "kind": "VirtualService",
            "metadata": {"name": "hello", "namespace": "shop"},
            "spec": {"hosts": ["hello"], "http": routes},
        },
    )
    await town.plane.settled()

    assert (await town.get("client", "hello", **bearing(ALICE))).instance == instance
    assert (await town.get("client", "hello")).instance == "v1"
