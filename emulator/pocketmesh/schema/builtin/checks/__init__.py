"""What kube-apiserver demands of its own kinds beyond their fields' types.

Only what people run into: names, selectors, ports, containers, what may not change. Upstream:
kubernetes `pkg/apis/*/validation`. A body that passes here and would fail there is a known difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import names
from pocketmesh.schema.builtin.checks import (
    access,
    admission,
    certificates,
    config,
    definitions,
    network,
    pods,
    policies,
    resources,
    scaling,
    services,
    workloads,
)
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.metadata import NameRule

Check = Callable[[Object, "Object | None"], list[FieldError]]

_BY_RESOURCE: Final[dict[str, Check]] = {
    "pods": pods.pod,
    "services": services.service,
    "configmaps": config.config_map,
    "secrets": config.secret,
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "daemonsets.apps": workloads.daemon_set,
    "statefulsets.apps": workloads.stateful_set,
    "jobs.batch": workloads.job,
    "cronjobs.batch": workloads.cron_job,
    "resourcequotas": resources.resource_quota,
    "limitranges": resources.limit_range,
    "persistentvolumeclaims": resources.claim,
    "horizontalpodautoscalers.autoscaling": scaling.autoscaler,
    "poddisruptionbudgets.policy": scaling.disruption_budget,
    "networkpolicies.networking.k8s.io": network.network_policy,
    "ingresses.networking.k8s.io": network.ingress,
    "endpointslices.discovery.k8s.io": network.endpoint_slice,
    "roles.rbac.authorization.k8s.io": access.role,
    "clusterroles.rbac.authorization.k8s.io": access.cluster_role,
    "rolebindings.rbac.authorization.k8s.io": access.role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": access.cluster_role_binding,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": admission.webhooks,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": admission.webhooks,
    "validatingadmissionpolicies.admissionregistration.k8s.io": policies.policy,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": policies.binding,
    "customresourcedefinitions.apiextensions.k8s.io": definitions.definition,
    "certificatesigningrequests.certificates.k8s.io": certificates.signing_request,
}
_NAMES: Final[dict[str, NameRule]] = {
    "namespaces": names.dns_label,
    "services": names.dns_label,
    "roles.rbac.authorization.k8s.io": names.path_segment,
    "clusterroles.rbac.authorization.k8s.io": names.path_segment,
    "rolebindings.rbac.authorization.k8s.io": names.path_segment,
    "clusterrolebindings.rbac.authorization.k8s.io": names.path_segment,
}


def name_rule(resource: str) -> NameRule:
    """What the objects of a resource may be called."""
    return _NAMES.get(resource, names.dns_subdomain)


def check(resource: str, obj: Object, old: Object | None) -> list[FieldError]:
    """What is wrong with a defaulted object of a built-in resource, which may replace `old`."""
    judge = _BY_RESOURCE.get(resource)
    return judge(obj, old) if judge is not None else []
