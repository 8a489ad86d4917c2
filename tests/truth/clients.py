"""Who calls: pods inside and outside the mesh, each with an identity of its own."""

from __future__ import annotations

from typing import Final

from .objects import AMBIENT, OPTED_OUT, Object, client, namespace

CLIENTS: Final = {
    "alice": ("town", "alice"),
    "bob": ("town", "bob"),
    "carol": ("village", "carol"),
    "opted-in": ("fields", "opted-in"),
    "opted-out": ("town", "opted-out"),
    "outsider": ("fields", "outsider"),
    "own-label": ("refused", "own-label"),
    "refused": ("refused", "refused"),
    "sidecar": ("town", "sidecar"),
    "excluded": ("kube-system", "excluded"),
}
SIDECAR = {"sidecar.istio.io/status": "{}"}


def principal(name: str) -> str:
    place, account = CLIENTS[name]
    return f"cluster.local/ns/{place}/sa/{account}"


def _annotated(objects: list[Object], annotations: dict[str, str]) -> list[Object]:
    account, pod = objects
    return [account, {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}]


OBJECTS: Final = (
    namespace("town", AMBIENT),
    namespace("village", AMBIENT),
    namespace("fields"),
    namespace("refused", OPTED_OUT),
    *client("alice", "town"),
    *client("bob", "town"),
    *client("opted-out", "town", OPTED_OUT),
    *_annotated(client("sidecar", "town"), SIDECAR),
    *client("carol", "village"),
    *client("opted-in", "fields", AMBIENT),
    *client("outsider", "fields"),
    *client("own-label", "refused", AMBIENT),
    *client("refused", "refused"),
    *client("excluded", "kube-system", AMBIENT),
)
