"""Secrets that carry the token of a ServiceAccount."""

from __future__ import annotations

from base64 import b64decode

import pytest

from pocketmesh.api.auth.authentication import Authenticator
from pocketmesh.api.auth.tokens import TokenRefused
from pocketmesh.objects import annotations_of


def account(world):
    metadata = {"name": "robot", "namespace": "default"}
    world.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def secret(world):
    annotations = {"kubernetes.io/service-account.name": "robot"}
    metadata = {"name": "robot-token", "namespace": "default", "annotations": annotations}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    world.create("secrets", {**body, "type": "kubernetes.io/service-account-token"})
    return world.client.get("secrets", "default", "robot-token")


def test_it_is_filled(world):
    account(world)
    made = secret(world)
    assert sorted(made["data"]) == ["ca.crt", "namespace", "token"]
    assert b64decode(made["data"]["ca.crt"]) == b"CERTIFICATE"
    uid = world.client.get("serviceaccounts", "default", "robot")["metadata"]["uid"]
    assert annotations_of(made)["kubernetes.io/service-account.uid"] == uid


def test_its_token_is_one_of_the_account_as_long_as_it_lives(world):
    account(world)
    token = b64decode(secret(world)["data"]["token"]).decode()
    callers = Authenticator(world.store, world.tokens)
    caller, _ = callers.of_token(token)
    assert caller.user == "system:serviceaccount:default:robot"
    world.client.delete("secrets", "default", "robot-token")
    with pytest.raises(TokenRefused):
        callers.of_token(token)


def test_it_goes_with_its_account(world):
    account(world)
    secret(world)
    world.client.delete("serviceaccounts", "default", "robot")
    world.settle()
    assert world.client.get("secrets", "default", "robot-token") is None


def test_one_without_an_account_does_not_stay(world):
    assert secret(world) is None
