"""Defaults of what makes pods: apps, batch and their older relatives."""

from __future__ import annotations

from pocketmesh.objects import Object
from pocketmesh.schema.builtin.defaults import pods


def pod_template(obj: Object) -> None:
    """A PodTemplate."""
    pods.template(obj)


def replication_controller(obj: Object) -> None:
    """A ReplicationController; its selector and labels come from the template."""
    spec = _workload(obj)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        spec.setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))


def replica_set(obj: Object) -> None:
    """A ReplicaSet."""
    _workload(obj)


def deployment(obj: Object) -> None:
    """A Deployment."""
    spec = _workload(obj)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def daemon_set(obj: Object) -> None:
    """A DaemonSet."""
    spec = obj.setdefault("spec", {})
    pods.template(spec)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    obj.setdefault("status", {})


def stateful_set(obj: Object) -> None:
    """A StatefulSet."""
    spec = _workload(obj)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("revisionHistoryLimit", 10)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def job(obj: Object) -> None:
    """A Job; without labels of its own it takes those of its template."""
    spec = obj.setdefault("spec", {})
    _job_spec(spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        obj["metadata"].setdefault("labels", dict(labels))
    if "parallelism" not in spec:
        spec.setdefault("completions", 1)
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2**31 - 1 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    replacement = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", replacement)
    obj.setdefault("status", {})


def cron_job(obj: Object) -> None:
    """A CronJob; the job template is completed when a Job is made of it, but for its pods."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job_template = spec.setdefault("jobTemplate", {})
    job_template.setdefault("metadata", {})
    _job_spec(job_template.setdefault("spec", {}))
    obj.setdefault("status", {})


def _job_spec(spec: Object) -> None:
    pods.template(spec)
    for rule in spec.get("podFailurePolicy", {}).get("rules", ()):
        for pattern in rule.get("onPodConditions", ()):
            pattern.setdefault("status", "True")


def _workload(obj: Object) -> Object:
    spec: Object = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    pods.template(spec)
    obj.setdefault("status", {})
    return spec
