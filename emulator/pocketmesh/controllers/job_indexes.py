"""Completion indexes of Indexed Jobs: which there are, how they are written, which come next.

Pure. Follows pkg/controller/job/indexed_job_utils.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby, islice
from typing import Final

from pocketmesh.objects import Object, annotations_of

INDEX: Final = "batch.kubernetes.io/job-completion-index"
_VARIABLE: Final = "JOB_COMPLETION_INDEX"


def is_indexed(job: Object) -> bool:
    """Whether each pod of the Job has a number."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Object) -> int:
    """The completion index of a pod, -1 for none."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isdecimal() else -1


def parsed(text: str) -> set[int]:
    """`1,3-5` as numbers."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def written(indexes: Iterable[int]) -> str:
    """Numbers as `1,3-5`; a run of two is not shortened."""
    parts: list[str] = []
    ordered = enumerate(sorted(set(indexes)))
    for _, run in groupby(ordered, key=lambda each: each[1] - each[0]):
        numbers = [number for _, number in run]
        parts += [f"{numbers[0]}-{numbers[-1]}"] if len(numbers) > 2 else map(str, numbers)
    return ",".join(parts)


def pending(completions: int, taken: Collection[int], count: int) -> list[int]:
    """The lowest indexes that nobody works at."""
    return list(islice((index for index in range(completions) if index not in taken), count))


def indexed(pod: Object, job_name: str, index: int) -> Object:
    """A new pod as the one of an index: named, labelled and told so by its environment."""
    metadata, spec = pod["metadata"], pod["spec"]
    marked = {
        **metadata,
        "generateName": f"{job_name}-{index}-",
        "labels": {**metadata["labels"], INDEX: str(index)},
        "annotations": {**metadata["annotations"], INDEX: str(index)},
    }
    told = {
        field: [_told(each) for each in spec[field]]
        for field in ("initContainers", "containers")
        if field in spec
    }
    return {**pod, "metadata": marked, "spec": {**spec, **told, "hostname": f"{job_name}-{index}"}}


def _told(container: Object) -> Object:
    env = container.get("env") or []
    if any(each["name"] == _VARIABLE for each in env):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": _VARIABLE, "valueFrom": source}]}
