"""Nobody hands out more rights than they have."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.auth.authorization import Authorizer
from pocketmesh.api.auth.escalation import Escalation
from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import ApiError

GROUP = "rbac.authorization.k8s.io"
ALICE = Caller("alice", ("dev", "system:authenticated"))


def rule(resources: str, *verbs: str, group: str = "", **fields: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(","), "verbs": [*verbs], **fields}


def role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "rules": [*rules]}


def binding(name: str, to: str, kind: str = "Role") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": to},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": GROUP}],
    }


@pytest.fixture
def alice(core: Any) -> Any:
    """Creates in Alice's name; she may read pods in the namespace."""
    core.create(f"roles.{GROUP}", role("own", rule("pods,pods/log", "get", "list")))
    core.create(f"rolebindings.{GROUP}", binding("own", "own"))
    core.registry.guard(Escalation(Authorizer(core.registry.store), core.registry.kinds))

    def create(resource: str, obj: dict[str, Any]) -> Any:
        kind = core.kind(f"{resource}.{GROUP}")
        return core.registry.create(kind, obj["metadata"].get("namespace", ""), obj, Write(ALICE))

    return create


def refused(act: Any, *args: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        act(*args)
    return raised.value


def test_what_one_may_one_may_hand_on(alice):
    assert alice("roles", role("r", rule("pods", "get"), rule("pods/log", "list", resourceNames=["p"])))


def test_what_one_may_not_is_listed(alice):
    error = refused(alice, "roles", role("r", rule("pods,secrets", "get", "delete")))
    assert error.code == 403
    assert error.message == (
        f'roles.{GROUP} "r" is forbidden: user "alice" (groups=["dev" "system:authenticated"]) '
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}'
    )


def test_a_wildcard_is_more_than_its_parts(alice):
    assert 'Verbs:["*"]' in refused(alice, "roles", role("r", rule("pods", "*"))).message


def test_binding_a_role_hands_it_on(alice, core):
    core.create(f"roles.{GROUP}", role("keeper", rule("secrets", "get")))
    error = refused(alice, "rolebindings", binding("b", "keeper"))
    assert 'Resources:["secrets"]' in error.message
    assert alice("rolebindings", binding("again", "own"))


def test_a_role_that_is_not_there_is_not_bound(alice):
    error = refused(alice, "rolebindings", binding("b", "ghost"))
    assert (error.code, error.message) == (404, f'roles.{GROUP} "ghost" not found')


@pytest.mark.parametrize(
    ("verb", "resource", "obj"),
    [
        ("escalate", "roles", role("r", rule("secrets", "get"))),
        ("bind", "rolebindings", binding("b", "keeper")),
    ],
)
def test_whoever_may_escalate_or_bind_is_not_asked(alice, core, verb, resource, obj):
    core.create(f"roles.{GROUP}", role("keeper", rule("secrets", "get")))
    core.create(f"roles.{GROUP}", role("lord", rule("roles", verb, group=GROUP)))
    core.create(f"rolebindings.{GROUP}", binding("lord", "lord"))
    assert alice(resource, obj)


def test_masters_are_not_asked(alice, core):
    assert core.create(f"roles.{GROUP}", role("r", rule("*", "*", group="*")))


def test_aggregation_is_for_administrators(alice):
    aggregated = {"metadata": {"name": "c"}, "aggregationRule": {"clusterRoleSelectors": [{}]}, "rules": []}
    error = refused(alice, "clusterroles", aggregated)
    assert error.message.endswith("must have cluster-admin privileges to use the aggregationRule")
