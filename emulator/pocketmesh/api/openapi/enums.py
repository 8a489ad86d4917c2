"""The values that fields of built-in kinds may have, as `kubectl explain` lists them.

The definitions of the package do not say; these are the constants marked `+enum` in k8s.io/api that
people ask about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PULL: Final = ("Always", "IfNotPresent", "Never")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_TRAFFIC: Final = ("Cluster", "Local")
_EFFECTS: Final = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_CORE: Final = "io.k8s.api.core.v1"
_APPS: Final = "io.k8s.api.apps.v1"
_BATCH: Final = "io.k8s.api.batch.v1"
_NETWORKING: Final = "io.k8s.api.networking.v1"

_CONTAINER: Final[dict[str, tuple[str, ...]]] = {
    "imagePullPolicy": _PULL,
    "terminationMessagePolicy": ("FallbackToLogsOnError", "File"),
}

ENUMS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    f"{_CORE}.PodSpec": {
        "restartPolicy": ("Always", "Never", "OnFailure"),
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "preemptionPolicy": ("Never", "PreemptLowerPriority"),
    },
    f"{_CORE}.PodStatus": {
        "phase": ("Failed", "Pending", "Running", "Succeeded", "Unknown"),
        "qosClass": ("BestEffort", "Burstable", "Guaranteed"),
    },
    f"{_CORE}.Container": _CONTAINER,
    f"{_CORE}.EphemeralContainer": _CONTAINER,
    f"{_CORE}.ContainerPort": {"protocol": _PROTOCOLS},
    f"{_CORE}.HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    f"{_CORE}.HostPathVolumeSource": {
        "type": (
            *("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate"),
            "Socket",
        )
    },
    f"{_CORE}.SeccompProfile": {"type": ("Localhost", "RuntimeDefault", "Unconfined")},
    f"{_CORE}.SecurityContext": {"procMount": ("Default", "Unmasked")},
    f"{_CORE}.Toleration": {"effect": _EFFECTS, "operator": ("Equal", "Exists", "Gt", "Lt")},
    f"{_CORE}.Taint": {"effect": _EFFECTS},
    f"{_CORE}.NodeSelectorRequirement": {
        "operator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    },
    f"{_CORE}.TopologySpreadConstraint": {
        "nodeAffinityPolicy": ("Honor", "Ignore"),
        "nodeTaintsPolicy": ("Honor", "Ignore"),
        "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    },
    f"{_CORE}.ServiceSpec": {
        "type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
        "externalTrafficPolicy": _TRAFFIC,
        "internalTrafficPolicy": _TRAFFIC,
        "ipFamilyPolicy": ("PreferDualStack", "RequireDualStack", "SingleStack"),
        "sessionAffinity": ("ClientIP", "None"),
    },
    f"{_CORE}.ServicePort": {"protocol": _PROTOCOLS},
    f"{_CORE}.NamespaceStatus": {"phase": ("Active", "Terminating")},
    f"{_CORE}.PersistentVolumeSpec": {
        "persistentVolumeReclaimPolicy": ("Delete", "Recycle", "Retain"),
        "volumeMode": ("Block", "Filesystem"),
    },
    f"{_CORE}.PersistentVolumeClaimSpec": {"volumeMode": ("Block", "Filesystem")},
    f"{_CORE}.PersistentVolumeClaimStatus": {"phase": ("Bound", "Lost", "Pending")},
    f"{_CORE}.PersistentVolumeStatus": {
        "phase": ("Available", "Bound", "Failed", "Pending", "Released"),
    },
    f"{_APPS}.DeploymentStrategy": {"type": ("Recreate", "RollingUpdate")},
    f"{_APPS}.DaemonSetUpdateStrategy": {"type": ("OnDelete", "RollingUpdate")},
    f"{_APPS}.StatefulSetUpdateStrategy": {"type": ("OnDelete", "RollingUpdate")},
    f"{_APPS}.StatefulSetSpec": {"podManagementPolicy": ("OrderedReady", "Parallel")},
    f"{_BATCH}.CronJobSpec": {"concurrencyPolicy": ("Allow", "Forbid", "Replace")},
    f"{_BATCH}.JobSpec": {
        "completionMode": ("Indexed", "NonIndexed"),
        "podReplacementPolicy": ("Failed", "TerminatingOrFailed"),
    },
    f"{_NETWORKING}.HTTPIngressPath": {"pathType": ("Exact", "ImplementationSpecific", "Prefix")},
    f"{_NETWORKING}.NetworkPolicyPort": {"protocol": _PROTOCOLS},
    "io.k8s.api.storage.v1.StorageClass": {
        "reclaimPolicy": ("Delete", "Recycle", "Retain"),
        "volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    },
}
