"""The built-in kinds that this server serves: names, verbs and subresources of kube-apiserver's own.

Upstream: kubernetes `pkg/registry/*/*/storage/storage.go` (short names, categories) and
`pkg/registry/*/rest` (subresources). Events of the two groups are kept apart: an event written to
`events.k8s.io` is not seen under `v1`, which is the one that every component here writes.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.schema.builtin.columns import columns
from pocketmesh.schema.builtin.definitions import definition
from pocketmesh.schema.kind import VERBS, Kind

_CREATE: Final = ("create",)
_ALL: Final = ("all",)
_EXTENSIONS: Final = ("api-extensions",)
_PACKAGES: Final = {
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}
_POD: Final = (
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "log",
    "portforward",
    "proxy",
    "resize",
    "status",
)
_SCALED: Final = ("scale", "status")
_STATUS: Final = ("status",)


def builtin_kinds() -> list[Kind]:
    """Every built-in kind; schemas are parsed when they are first used."""
    return [
        *_core(),
        *_workloads(),
        *_networking(),
        *_access(),
        *_extension(),
        *_cluster(),
    ]


def _core() -> list[Kind]:
    return [
        _kind("", "Binding", "bindings", verbs=_CREATE),
        _kind("", "ComponentStatus", "componentstatuses", ("cs",), namespaced=False, verbs=("get", "list")),
        _kind("", "ConfigMap", "configmaps", ("cm",)),
        _kind("", "Endpoints", "endpoints", ("ep",), singular="endpoints"),
        _kind("", "Event", "events", ("ev",)),
        _kind("", "LimitRange", "limitranges", ("limits",)),
        _kind(
            "",
            "Namespace",
            "namespaces",
            ("ns",),
            namespaced=False,
            subresources=("finalize", "status"),
            verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
        ),
        _kind("", "Node", "nodes", ("no",), namespaced=False, subresources=("proxy", "status")),
        _kind("", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",), subresources=_STATUS),
        _kind("", "PersistentVolume", "persistentvolumes", ("pv",), namespaced=False, subresources=_STATUS),
        _kind("", "Pod", "pods", ("po",), _ALL, subresources=_POD),
        _kind("", "PodTemplate", "podtemplates"),
        _kind("", "ReplicationController", "replicationcontrollers", ("rc",), _ALL, subresources=_SCALED),
        _kind("", "ResourceQuota", "resourcequotas", ("quota",), subresources=_STATUS),
        _kind("", "Secret", "secrets"),
        _kind("", "ServiceAccount", "serviceaccounts", ("sa",), subresources=("token",)),
        _kind("", "Service", "services", ("svc",), _ALL, subresources=("proxy", "status")),
    ]


def _workloads() -> list[Kind]:
    return [
        _kind("apps", "ControllerRevision", "controllerrevisions"),
        _kind("apps", "DaemonSet", "daemonsets", ("ds",), _ALL, subresources=_STATUS),
        _kind("apps", "Deployment", "deployments", ("deploy",), _ALL, subresources=_SCALED),
        _kind("apps", "ReplicaSet", "replicasets", ("rs",), _ALL, subresources=_SCALED),
        _kind("apps", "StatefulSet", "statefulsets", ("sts",), _ALL, subresources=_SCALED),
        _kind("batch", "CronJob", "cronjobs", ("cj",), _ALL, subresources=_STATUS),
        _kind("batch", "Job", "jobs", (), _ALL, subresources=_STATUS),
        _kind(
            "autoscaling",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            ("hpa",),
            _ALL,
            version="v2",
            subresources=_STATUS,
        ),
        _kind(
            "autoscaling",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            ("hpa",),
            _ALL,
            subresources=_STATUS,
            storage=False,
        ),
        _kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",), subresources=_STATUS),
    ]


def _networking() -> list[Kind]:
    group = "networking.k8s.io"
    return [
        _kind(group, "Ingress", "ingresses", ("ing",), subresources=_STATUS),
        _kind(group, "IngressClass", "ingressclasses", namespaced=False),
        _kind(group, "IPAddress", "ipaddresses", ("ip",), namespaced=False),
        _kind(group, "NetworkPolicy", "networkpolicies", ("netpol",)),
        _kind(group, "ServiceCIDR", "servicecidrs", namespaced=False, subresources=_STATUS),
        _kind("discovery.k8s.io", "EndpointSlice", "endpointslices"),
        _kind("events.k8s.io", "Event", "events", ("ev",)),
    ]


def _access() -> list[Kind]:
    authentication, authorization = "authentication.k8s.io", "authorization.k8s.io"
    rbac = "rbac.authorization.k8s.io"
    return [
        _kind(authentication, "SelfSubjectReview", "selfsubjectreviews", namespaced=False, verbs=_CREATE),
        _kind(authentication, "TokenReview", "tokenreviews", namespaced=False, verbs=_CREATE),
        _kind(authorization, "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=_CREATE),
        _kind(
            authorization,
            "SelfSubjectAccessReview",
            "selfsubjectaccessreviews",
            namespaced=False,
            verbs=_CREATE,
        ),
        _kind(
            authorization,
            "SelfSubjectRulesReview",
            "selfsubjectrulesreviews",
            namespaced=False,
            verbs=_CREATE,
        ),
        _kind(authorization, "SubjectAccessReview", "subjectaccessreviews", namespaced=False, verbs=_CREATE),
        _kind(rbac, "ClusterRole", "clusterroles", namespaced=False),
        _kind(rbac, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
        _kind(rbac, "Role", "roles"),
        _kind(rbac, "RoleBinding", "rolebindings"),
        _kind(
            "certificates.k8s.io",
            "CertificateSigningRequest",
            "certificatesigningrequests",
            ("csr",),
            namespaced=False,
            subresources=("approval", "status"),
        ),
    ]


def _extension() -> list[Kind]:
    admission = "admissionregistration.k8s.io"
    policies = [
        ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
        ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
    ]
    return [
        *(_kind(admission, kind, plural, (), _EXTENSIONS, namespaced=False) for kind, plural in policies),
        _kind(
            admission,
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies",
            (),
            _EXTENSIONS,
            namespaced=False,
            subresources=_STATUS,
        ),
        _kind(
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            ("crd", "crds"),
            _EXTENSIONS,
            namespaced=False,
            subresources=_STATUS,
        ),
        _kind(
            "apiregistration.k8s.io",
            "APIService",
            "apiservices",
            (),
            _EXTENSIONS,
            namespaced=False,
            subresources=_STATUS,
        ),
    ]


def _cluster() -> list[Kind]:
    storage = "storage.k8s.io"
    return [
        _kind("coordination.k8s.io", "Lease", "leases"),
        _kind("node.k8s.io", "RuntimeClass", "runtimeclasses", namespaced=False),
        _kind("scheduling.k8s.io", "PriorityClass", "priorityclasses", ("pc",), namespaced=False),
        _kind(storage, "CSIDriver", "csidrivers", namespaced=False),
        _kind(storage, "CSINode", "csinodes", namespaced=False),
        _kind(storage, "CSIStorageCapacity", "csistoragecapacities"),
        _kind(storage, "StorageClass", "storageclasses", ("sc",), namespaced=False),
        _kind(storage, "VolumeAttachment", "volumeattachments", namespaced=False, subresources=_STATUS),
        _kind(storage, "VolumeAttributesClass", "volumeattributesclasses", ("vac",), namespaced=False),
    ]


def _kind(
    group: str,
    kind: str,
    plural: str,
    short_names: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    *,
    version: str = "v1",
    singular: str = "",
    namespaced: bool = True,
    verbs: tuple[str, ...] = VERBS,
    subresources: tuple[str, ...] = (),
    storage: bool = True,
) -> Kind:
    package = _PACKAGES.get(group) or f"io.k8s.api.{group.partition('.')[0] or 'core'}"
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=singular or kind.lower(),
        schema=definition(f"{package}.{version}.{kind}"),
        short_names=short_names,
        categories=categories,
        namespaced=namespaced,
        verbs=verbs,
        subresources=frozenset(subresources),
        columns=columns(f"{plural}.{group}" if group else plural),
        storage=storage,
    )
