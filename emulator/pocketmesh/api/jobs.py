"""What makes a Job's pods its own: the selector and the labels that a Job is created with.

Follows `generateSelector` of k8s.io/kubernetes/pkg/registry/batch/job; `kubectl logs job/x` finds the
pods by it.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.objects import Object, labels_of

_UID: Final = "batch.kubernetes.io/controller-uid"
_NAME: Final = "batch.kubernetes.io/job-name"


def admitted(job: Object) -> Object:
    """A new Job with its selector, unless it brings one of its own (`manualSelector`)."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return job
    own = {_UID: metadata["uid"], _NAME: metadata["name"]}
    own |= {"controller-uid": metadata["uid"], "job-name": metadata["name"]}
    template = spec["template"]
    labels = {**own, **labels_of(template)}
    selector = spec.get("selector") or {}
    return {
        **job,
        "metadata": {**metadata, "labels": labels_of(job) or labels},
        "spec": {
            **spec,
            "selector": {**selector, "matchLabels": {_UID: own[_UID], **(selector.get("matchLabels") or {})}},
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }
