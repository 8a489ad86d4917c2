from __future__ import annotations

import json

from labcheck.kube import identity, kubeconfig

OBJECTS = identity.objects([("red", "client"), ("blue", "outsider"), ("red", "other"), ("red", "client")])
RULES = [
    (it["kind"], it["metadata"].get("namespace", ""), rule) for it in OBJECTS for rule in it.get("rules", ())
]


def test_the_identity_reads_but_never_writes() -> None:
    for kind, _, rule in RULES:
        if rule.get("resources") != ["pods/exec"]:
            assert kind == "ClusterRole"
            assert set(rule["verbs"]) <= {"get", "list", "watch"}


def test_secrets_are_not_readable() -> None:
    for _, _, rule in RULES:
        in_core = "" in rule.get("apiGroups", ())
        assert not (in_core and {"*", "secrets"} & set(rule["resources"]))
        assert "*" not in rule.get("apiGroups", ())


def test_exec_is_limited_to_the_probe_pods() -> None:
    granted = {
        where: rule["resourceNames"] for _, where, rule in RULES if rule.get("resources") == ["pods/exec"]
    }
    assert granted == {"red": ["client", "other"], "blue": ["outsider"]}


ADMIN = {
    "current-context": "a",
    "clusters": [
        {"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "eA=="}}
    ],
    "contexts": [
        {"name": "a", "context": {"cluster": "c", "user": "u"}},
        {"name": "b", "context": {"cluster": "d"}},
    ],
    "users": [{"name": "u", "user": {"client-key-data": "secret"}}],
}


def test_the_graders_kubeconfig_holds_nothing_of_the_administrators() -> None:
    text = kubeconfig.for_token(ADMIN, "grader", "abc")
    made = json.loads(text)
    assert made["clusters"][0]["cluster"] == ADMIN["clusters"][0]["cluster"]  # type: ignore[index]
    assert made["users"] == [{"name": "grader", "user": {"token": "abc"}}]
    assert "secret" not in text


def test_the_learners_kubeconfig_begins_in_the_labs_namespace() -> None:
    made = json.loads(kubeconfig.with_namespace(ADMIN, "red"))
    assert [it["context"].get("namespace") for it in made["contexts"]] == ["red", None]
