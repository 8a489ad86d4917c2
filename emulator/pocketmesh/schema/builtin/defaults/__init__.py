"""The values that kube-apiserver fills in where a client left them out.

Upstream: kubernetes `pkg/apis/*/*/defaults.go`. What the server allocates (cluster IPs, node ports,
names) or decides by looking at other objects is not a default and lives in the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema.builtin.defaults import access, autoscaling, cluster, networking, pods, workloads

_BY_RESOURCE: Final[dict[str, Callable[[Object], None]]] = {
    "pods": pods.pod,
    "podtemplates": workloads.pod_template,
    "replicationcontrollers": workloads.replication_controller,
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "daemonsets.apps": workloads.daemon_set,
    "statefulsets.apps": workloads.stateful_set,
    "jobs.batch": workloads.job,
    "cronjobs.batch": workloads.cron_job,
    "horizontalpodautoscalers.autoscaling": autoscaling.horizontal_pod_autoscaler,
    "poddisruptionbudgets.policy": cluster.with_status,
    "services": networking.service,
    "endpoints": networking.endpoints,
    "endpointslices.discovery.k8s.io": networking.endpoint_slice,
    "networkpolicies.networking.k8s.io": networking.network_policy,
    "ingresses.networking.k8s.io": networking.ingress,
    "ingressclasses.networking.k8s.io": networking.ingress_class,
    "namespaces": cluster.namespace,
    "nodes": cluster.node,
    "secrets": cluster.secret,
    "resourcequotas": cluster.with_status,
    "limitranges": cluster.limit_range,
    "persistentvolumes": cluster.persistent_volume,
    "persistentvolumeclaims": cluster.persistent_volume_claim,
    "storageclasses.storage.k8s.io": cluster.storage_class,
    "csidrivers.storage.k8s.io": cluster.csi_driver,
    "priorityclasses.scheduling.k8s.io": cluster.priority_class,
    "customresourcedefinitions.apiextensions.k8s.io": cluster.custom_resource_definition,
    "apiservices.apiregistration.k8s.io": cluster.api_service,
    "rolebindings.rbac.authorization.k8s.io": access.role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": access.role_binding,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": access.mutating_webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": access.validating_webhooks,
    "mutatingadmissionpolicies.admissionregistration.k8s.io": access.admission_policy,
    "validatingadmissionpolicies.admissionregistration.k8s.io": access.admission_policy,
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": access.admission_policy_binding,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": access.admission_policy_binding,
}


def fill_in(resource: str, obj: Object) -> None:
    """Completes a decoded object of a built-in resource, in place."""
    complete = _BY_RESOURCE.get(resource)
    if complete is not None:
        complete(obj)
