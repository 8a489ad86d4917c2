"""The ReplicaSets of a Deployment: which one is of its template, what a new one looks like, its revision.

Pure. Follows pkg/controller/deployment/{sync.go,util/deployment_util.go}. The revision of a Deployment
is a number in an annotation of its ReplicaSets, which is all that `kubectl rollout history` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pocketmesh.controllers.owners import owner_reference
from pocketmesh.controllers.rollout import Bounds, Replicas, bounds
from pocketmesh.controllers.templates import HASH_LABEL, same_template
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of

REVISION: Final = "deployment.kubernetes.io/revision"
_EARLIER: Final = "deployment.kubernetes.io/revision-history"
_DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
_MOST: Final = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        _EARLIER,
        _DESIRED,
        _MOST,
        "deprecated.deployment.rollback.to",
    }
)
_LONGEST_HISTORY: Final = 2000


def of_template(deployment: Object, sets: Sequence[Object]) -> Object | None:
    """The oldest ReplicaSet with the Deployment's present template; `sets` are given oldest first."""
    template = deployment["spec"]["template"]
    return next((each for each in sets if same_template(each["spec"]["template"], template)), None)


def age(replica_set: Object) -> tuple[str, str]:
    """Sorts ReplicaSets oldest first."""
    return (replica_set["metadata"].get("creationTimestamp", ""), name_of(replica_set))


def revision_of(obj: Object) -> int:
    """The revision that a ReplicaSet or Deployment carries, 0 for none."""
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def replica_set(deployment: Object, digest: str, revision: int, size: int) -> Object:
    """The ReplicaSet of the Deployment's present template."""
    spec = deployment["spec"]
    template, selector = spec["template"], spec["selector"]
    labels = {**labels_of(template), HASH_LABEL: digest}
    annotations = {**_copied(deployment), REVISION: str(revision), **sizes(deployment)}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name_of(deployment)[: 252 - len(digest)]}-{digest}",
            "namespace": namespace_of(deployment),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": size,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: digest},
            },
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }


def brought_up_to_date(deployment: Object, new: Object, newest_other: int) -> Object:
    """The merge patch that makes an existing ReplicaSet the newest revision; empty when it is that.

    A set that is rolled back to keeps the revisions that it had in an annotation.
    """
    before = annotations_of(new)
    wanted = _copied(deployment)
    old = revision_of(new)
    if old <= newest_other:
        wanted[REVISION] = str(newest_other + 1)
        if REVISION in before:
            wanted[_EARLIER] = _history(before.get(_EARLIER, ""), before[REVISION])
    patch: Object = {}
    if not wanted.items() <= before.items():
        patch["metadata"] = {"annotations": wanted}
    min_ready = deployment["spec"].get("minReadySeconds", 0)
    if new["spec"].get("minReadySeconds", 0) != min_ready:
        patch["spec"] = {"minReadySeconds": min_ready}
    return patch


def _history(earlier: str, revision: str) -> str:
    revisions = [*(earlier.split(",") if earlier else []), revision]
    while len(",".join(revisions)) > _LONGEST_HISTORY:
        revisions.pop(0)
    return ",".join(revisions)


def sizes(deployment: Object) -> dict[str, str]:
    """The annotations that remember what size the Deployment had when a ReplicaSet was last scaled."""
    replicas = deployment["spec"].get("replicas", 1)
    return {_DESIRED: str(replicas), _MOST: str(replicas + limits(deployment).surge)}


def was_scaled(deployment: Object, sets: Sequence[Object]) -> bool:
    """Whether the Deployment was given another size since one of its active ReplicaSets was scaled."""
    wanted = str(deployment["spec"].get("replicas", 1))
    return any(
        annotations_of(each).get(_DESIRED, wanted) != wanted for each in sets if each["spec"].get("replicas")
    )


def is_saturated(deployment: Object, new: Object | None) -> bool:
    """Whether the new ReplicaSet has every pod that is wanted, all available."""
    if new is None:
        return False
    replicas = deployment["spec"].get("replicas", 1)
    available = (new.get("status") or {}).get("availableReplicas", 0)
    known = annotations_of(new).get(_DESIRED) == str(replicas)
    return known and bool(new["spec"].get("replicas", 1) == replicas == available)


def limits(deployment: Object) -> Bounds:
    """What a rolling update may deviate by; nothing for `Recreate`."""
    strategy, replicas = deployment["spec"].get("strategy") or {}, deployment["spec"].get("replicas", 1)
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Bounds(0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    return bounds(replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))


def row(replica_set: Object) -> Replicas:
    """A ReplicaSet as the arithmetic sees it."""
    available = (replica_set.get("status") or {}).get("availableReplicas", 0)
    most = annotations_of(replica_set).get(_MOST, "")
    wanted = replica_set["spec"].get("replicas", 1)
    return Replicas(name_of(replica_set), wanted, available, int(most) if most.isdecimal() else 0)


def forgettable(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """The ReplicaSets beyond `revisionHistoryLimit`, lowest revision first, that have no pods."""
    living = sorted((each for each in old if "deletionTimestamp" not in each["metadata"]), key=revision_of)
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    return [each for each in living[: max(0, len(living) - limit)] if _is_idle(each)]


def _is_idle(replica_set: Object) -> bool:
    status = replica_set.get("status") or {}
    observed = status.get("observedGeneration", 0) >= replica_set["metadata"].get("generation", 0)
    return observed and not replica_set["spec"].get("replicas") and not status.get("replicas")


def _copied(deployment: Object) -> dict[str, str]:
    return {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}
