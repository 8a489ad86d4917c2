"""Who is let in, as whom, and what they may do."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from pocketmesh.api.auth.tokens import TokenRefused
from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.server.access import Attributes

JANE = Caller("jane", ("devs", "system:authenticated"))
RBAC = "rbac.authorization.k8s.io"
ADMINISTRATOR = {
    "subject": ((("organizationName", "system:masters"),), (("commonName", "kubernetes-admin"),))
}


def token(core, name: str, **spec: Any) -> str:
    kind = core.kind("serviceaccounts")
    body = {"spec": spec}
    result = core.registry.create(kind, "shop", body, core.write(), subresource="token", name=name)
    text: str = result.object["status"]["token"]
    return text


def bearer(text: str, **headers: str) -> CIMultiDict[str]:
    return CIMultiDict({"Authorization": f"Bearer {text}", **headers})


def bind(core, role: str, subject: dict[str, str], namespace: str = "") -> None:
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    resource = f"rolebindings.{RBAC}" if namespace else f"clusterrolebindings.{RBAC}"
    metadata = {"name": "test", **({"namespace": namespace} if namespace else {})}
    core.create(resource, {"metadata": metadata, "roleRef": reference, "subjects": [subject]})


def review(core, resource: str, caller: Caller, **spec: Any) -> dict[str, Any]:
    kind = core.kind(resource)
    result = core.registry.create(kind, "", {"spec": spec}, Write(caller))
    status: dict[str, Any] = result.object["status"]
    return status


def test_nobody_in_particular_may_ask_for_health_alone(gate):
    caller = gate.authenticate(CIMultiDict(), None)
    assert caller.user == "system:anonymous"
    gate.authorize(caller, Attributes("get", path="/readyz"))
    with pytest.raises(ApiError) as raised:
        gate.authorize(caller, Attributes("get", path="/api"))
    assert str(raised.value) == 'forbidden: User "system:anonymous" cannot get path "/api"'


def test_a_certificate_is_known_by_its_digest(gate):
    caller = gate.authenticate(CIMultiDict(), {**ADMINISTRATOR, "sha256": "abc"})
    assert caller.extra == {"authentication.kubernetes.io/credential-id": ("X509SHA256=abc",)}


def test_the_administrator_may_do_everything(gate):
    caller = gate.authenticate(CIMultiDict(), ADMINISTRATOR)
    gate.authorize(caller, Attributes("delete", "apps", "v1", "deployments", "", "shop", "x"))
    gate.authorize(caller, Attributes("get", path="/metrics"))


def test_an_accounts_token_is_the_account(core, gate, account):
    caller = gate.authenticate(bearer(token(core, account)), None)
    assert caller.user == "system:serviceaccount:shop:robot"
    assert caller.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:shop",
        "system:authenticated",
    )


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_of_ours_is_unauthorized(gate, text):
    headers = CIMultiDict({"Authorization": f"Bearer {text or 'none'}"})
    with pytest.raises(ApiError) as raised:
        gate.authenticate(headers, None)
    assert (raised.value.code, str(raised.value)) == (401, "Unauthorized")


def test_a_token_ends_with_its_time(core, gate, account):
    text = token(core, account, expirationSeconds=600)
    core.clock.advance(599)
    gate.authenticate(bearer(text), None)
    core.clock.advance(1)
    with pytest.raises(ApiError):
        gate.authenticate(bearer(text), None)


def test_a_token_ends_with_its_account(core, gate, account):
    text = token(core, account)
    core.delete("serviceaccounts", account, "shop")
    core.create("serviceaccounts", {"metadata": {"name": account, "namespace": "shop"}})
    with pytest.raises(ApiError):
        gate.authenticate(bearer(text), None)


def test_a_token_ends_with_the_pod_it_is_bound_to(core, gate, account):
    spec = {"containers": [{"name": "c", "image": "i"}]}
    core.create("pods", {"metadata": {"name": "p", "namespace": "shop"}, "spec": spec})
    text = token(core, account, boundObjectRef={"kind": "Pod", "name": "p"})
    caller = gate.authenticate(bearer(text), None)
    assert caller.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    core.delete("pods", "p", "shop")
    with pytest.raises(ApiError):
        gate.authenticate(bearer(text), None)


def test_a_token_for_others_is_none_for_us(core, gate, account):
    text = token(core, account, audiences=["bookstore"])
    with pytest.raises(ApiError):
        gate.authenticate(bearer(text), None)
    assert gate.tokens.check(text, ["bookstore", "x"]).audiences == ("bookstore",)
    with pytest.raises(TokenRefused, match="is invalid for the target audiences"):
        gate.tokens.check(text)


def test_a_token_lives_ten_minutes_at_least(core, gate, account):
    with pytest.raises(ApiError, match="may not specify a duration less than 10 minutes") as raised:
        token(core, account, expirationSeconds=10)
    assert raised.value.code == 422


def test_a_token_of_an_account_that_is_not_there_is_not_found(core, gate):
    with pytest.raises(ApiError, match='serviceaccounts "ghost" not found'):
        token(core, "ghost")


def test_others_can_check_tokens_with_the_published_key(gate):
    (key,) = gate.documents()["/openid/v1/jwks"]()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")


def test_a_binding_in_a_namespace_gives_nothing_outside(core, gate):
    bind(core, "view", {"kind": "User", "name": "jane", "apiGroup": RBAC}, "shop")
    gate.authorize(JANE, Attributes("list", "", "v1", "pods", "", "shop"))
    for wanted, message in [
        (
            Attributes("list", "", "v1", "pods"),
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
        ),
        (
            Attributes("delete", "apps", "v1", "deployments", "", "shop", "x"),
            'deployments.apps "x" is forbidden: User "jane" cannot delete resource "deployments" '
            'in API group "apps" in the namespace "shop"',
        ),
    ]:
        with pytest.raises(ApiError) as raised:
            gate.authorize(JANE, wanted)
        assert (raised.value.code, str(raised.value)) == (403, message)


def test_a_binding_of_the_cluster_gives_everywhere(core, gate):
    bind(core, "edit", {"kind": "Group", "name": "devs", "apiGroup": RBAC})
    gate.authorize(JANE, Attributes("create", "apps", "v1", "deployments", "", "anywhere"))
    gate.authorize(JANE, Attributes("get", "", "v1", "pods", "log", "anywhere", "p"))


def test_an_account_is_bound_by_its_name(core, gate, account):
    bind(core, "view", {"kind": "ServiceAccount", "name": account, "namespace": "shop"}, "shop")
    caller = gate.authenticate(bearer(token(core, account)), None)
    gate.authorize(caller, Attributes("get", "", "v1", "configmaps", "", "shop", "c"))


def test_a_namespace_is_in_itself(core, gate):
    bind(core, "view", {"kind": "User", "name": "jane", "apiGroup": RBAC}, "shop")
    gate.authorize(JANE, Attributes("get", "", "v1", "namespaces", "", "", "shop"))


def test_who_may_impersonate_is_judged_as_another(gate):
    headers = CIMultiDict({"Impersonate-User": "jane"})
    headers.add("Impersonate-Group", "devs")
    caller = gate.authenticate(headers, ADMINISTRATOR)
    assert caller == Caller("jane", ("devs", "system:authenticated"))


def test_who_may_not_impersonate_is_told(core, gate, account):
    headers = bearer(token(core, account), **{"Impersonate-User": "jane"})
    with pytest.raises(ApiError) as raised:
        gate.authenticate(headers, None)
    assert str(raised.value) == (
        'users "jane" is forbidden: User "system:serviceaccount:shop:robot" cannot impersonate '
        'resource "users" in API group "" at the cluster scope'
    )


def test_can_i_says_yes_and_why(core, gate):
    bind(core, "view", {"kind": "User", "name": "jane", "apiGroup": RBAC}, "shop")
    wanted = {"verb": "get", "resource": "pods", "namespace": "shop"}
    status = review(core, "selfsubjectaccessreviews.authorization.k8s.io", JANE, resourceAttributes=wanted)
    assert status == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "test/shop" of ClusterRole "view" to User "jane"',
    }


def test_can_they_asks_for_somebody_else(core, gate):
    wanted = {"verb": "get", "resource": "pods", "namespace": "shop"}
    status = review(
        core,
        "subjectaccessreviews.authorization.k8s.io",
        JANE,
        user="x",
        groups=["system:masters"],
        resourceAttributes=wanted,
    )
    assert status == {"allowed": True}


def test_who_am_i_says_who(core, gate):
    status = review(core, "selfsubjectreviews.authentication.k8s.io", JANE)
    assert status == {"userInfo": {"username": "jane", "groups": ["devs", "system:authenticated"]}}


def test_the_list_of_what_i_may_do_has_the_basics(core, gate):
    status = review(core, "selfsubjectrulesreviews.authorization.k8s.io", JANE, namespace="shop")
    assert {
        "verbs": ["create"],
        "apiGroups": ["authentication.k8s.io"],
        "resources": ["selfsubjectreviews"],
    } in (status["resourceRules"])
    assert status["nonResourceRules"]


def test_a_token_review_tells_good_from_bad(core, gate, account):
    resource = "tokenreviews.authentication.k8s.io"
    good = review(core, resource, JANE, token=token(core, account))
    assert (good["authenticated"], good["user"]["username"]) == (True, "system:serviceaccount:shop:robot")
    bad = review(core, resource, JANE, token="x")
    assert "authenticated" not in bad
    assert bad["error"] == "[invalid bearer token, invalid bearer token]"
