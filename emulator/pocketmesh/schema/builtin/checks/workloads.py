"""What makes pods (upstream: `pkg/apis/apps/validation`, `pkg/apis/batch/validation`)."""

from __future__ import annotations

from typing import Any

from pocketmesh.objects import Object
from pocketmesh.schema import cron, errors, metadata, names
from pocketmesh.schema.builtin.checks import pods
from pocketmesh.schema.errors import FieldError

_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def deployment(obj: Object, old: Object | None) -> list[FieldError]:
    """A Deployment."""
    spec = obj["spec"]
    found = _workload(spec, "deployment")
    strategy = spec["strategy"]
    if strategy["type"] not in ("Recreate", "RollingUpdate"):
        found.append(errors.unsupported("spec.strategy", strategy, ("Recreate", "RollingUpdate")))
    elif strategy["type"] == "Recreate" and "rollingUpdate" in strategy:
        rule = "may not be specified when strategy `type` is 'Recreate'"
        found.append(errors.forbidden("spec.strategy.rollingUpdate", rule))
    if spec["progressDeadlineSeconds"] <= spec.get("minReadySeconds", 0):
        seconds = spec["progressDeadlineSeconds"]
        rule = "must be greater than minReadySeconds"
        found.append(errors.invalid("spec.progressDeadlineSeconds", seconds, rule))
    return found + _immutable(obj, old, "selector")


def replica_set(obj: Object, old: Object | None) -> list[FieldError]:
    """A ReplicaSet; the text for an empty selector is upstream's."""
    return _workload(obj["spec"], "deployment") + _immutable(obj, old, "selector")


def daemon_set(obj: Object, old: Object | None) -> list[FieldError]:
    """A DaemonSet."""
    return _workload(obj["spec"], "daemonset") + _immutable(obj, old, "selector")


def stateful_set(obj: Object, old: Object | None) -> list[FieldError]:
    """A StatefulSet; most of it is settled when it is created."""
    found = _workload(_with_claims(obj["spec"]), "statefulset")
    before = (old or obj).get("spec", {})
    settled = {*obj["spec"], *before} - {*_STATEFUL_CHANGEABLE}
    if any(obj["spec"].get(field) != before.get(field) for field in settled):
        listed = ", ".join(f"'{field}'" for field in _STATEFUL_CHANGEABLE[:-1])
        rule = (
            f"updates to statefulset spec for fields other than {listed} and 'minReadySeconds' are forbidden"
        )
        found.append(errors.forbidden("spec", rule))
    return found


def job(obj: Object, old: Object | None) -> list[FieldError]:
    """A Job."""
    spec = obj["spec"]
    found = _job_spec(spec, "spec")
    for field in ("selector", "template", "completionMode"):
        found += _immutable(obj, old, field)
    return found


def cron_job(obj: Object, _old: Object | None) -> list[FieldError]:
    """A CronJob."""
    spec = obj["spec"]
    return _schedule(spec.get("schedule", "")) + _job_spec(
        spec["jobTemplate"]["spec"], "spec.jobTemplate.spec"
    )


def _schedule(text: str) -> list[FieldError]:
    if not text:
        return [errors.required("spec.schedule")]
    try:
        cron.parsed(text)
    except cron.BadSchedule as error:
        return [errors.invalid("spec.schedule", text, str(error))]
    return []


def selector(value: Object, field: str) -> list[FieldError]:
    """A label selector."""
    found = metadata.labels(value.get("matchLabels", {}), f"{field}.matchLabels")
    for index, entry in enumerate(value.get("matchExpressions", ())):
        at, operator, values = (
            f"{field}.matchExpressions[{index}]",
            entry.get("operator"),
            entry.get("values"),
        )
        if operator in ("In", "NotIn") and not values:
            rule = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(errors.required(f"{at}.values", rule))
        elif operator in ("Exists", "DoesNotExist") and values:
            rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(errors.forbidden(f"{at}.values", rule))
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            found.append(errors.invalid(f"{at}.operator", operator or "", "not a valid selector operator"))
        key = entry.get("key", "")
        found += [errors.invalid(f"{at}.key", key, complaint) for complaint in names.label_key(key)]
    return found


def _with_claims(spec: Object) -> Object:
    """A StatefulSet's spec whose pods have a volume for each claim template, which they may mount."""
    claims = [claim["metadata"].get("name", "") for claim in spec.get("volumeClaimTemplates", ())]
    pod = spec["template"]["spec"]
    volumes = [*pod.get("volumes", ()), *({"name": name, "emptyDir": {}} for name in claims)]
    return {**spec, "template": {**spec["template"], "spec": {**pod, "volumes": volumes}}}


def _workload(spec: Object, kind: str) -> list[FieldError]:
    found = []
    if spec.get("replicas", 0) < 0:
        found.append(errors.invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    template, wanted = spec["template"], spec.get("selector")
    if wanted is None:
        found.append(errors.required("spec.selector"))
    else:
        found += selector(wanted, "spec.selector")
        if not wanted.get("matchLabels") and not wanted.get("matchExpressions"):
            found.append(errors.invalid("spec.selector", wanted, f"empty selector is invalid for {kind}"))
        labels = template["metadata"].get("labels")
        if not _matches(wanted, labels or {}):
            rule = "`selector` does not match template `labels`"
            found.append(errors.invalid("spec.template.metadata.labels", labels, rule))
    found += pods.template(template, "spec.template")
    if template["spec"]["restartPolicy"] != "Always":
        policy = template["spec"]["restartPolicy"]
        found.append(errors.unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    return found


def _matches(wanted: Object, labels: dict[str, str]) -> bool:
    for key, value in wanted.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    return all(_holds(entry, labels) for entry in wanted.get("matchExpressions", ()))


def _holds(entry: Object, labels: dict[str, str]) -> bool:
    present, values = labels.get(entry.get("key", "")), entry.get("values", ())
    match entry.get("operator"):
        case "In":
            return present in values
        case "NotIn":
            return present not in values
        case "Exists":
            return present is not None
        case "DoesNotExist":
            return present is None
    return True


def _job_spec(spec: Object, field: str) -> list[FieldError]:
    found = pods.template(spec["template"], f"{field}.template")
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy == "Always":
        at = f"{field}.template.spec.restartPolicy"
        found.append(errors.required(at, 'valid values: "OnFailure", "Never"'))
    for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds"):
        if spec.get(name, 0) < 0:
            found.append(errors.invalid(f"{field}.{name}", spec[name], "must be greater than or equal to 0"))
    return found


def _immutable(obj: Object, old: Object | None, name: str) -> list[FieldError]:
    value: Any = obj["spec"].get(name)
    if old is None or value == old.get("spec", {}).get(name):
        return []
    return [errors.invalid(f"spec.{name}", value, "field is immutable")]
