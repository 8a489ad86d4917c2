"""The Node object: what the kubelet says of its machine, and the lease that shows it is alive."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339, rfc3339_micro
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.objects import Object
from pocketmesh.store import Event
from pocketmesh.versions import KUBERNETES

RENEWAL: Final = 10.0
LEASES: Final = "leases.coordination.k8s.io"
_LEASE_NAMESPACE: Final = "kube-node-lease"
_RESOURCES: Final = {
    "cpu": "4",
    "ephemeral-storage": "61255492Ki",
    "hugepages-2Mi": "0",
    "memory": "8Gi",
    "pods": "110",
}
_HEALTHY: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Registration:
    """Keeps the Node object and its Lease."""

    name = "node-registration"

    def __init__(self, client: Client, clock: Clock, name: str, address: str) -> None:
        self._client = client
        self._clock = clock
        self._node = name
        self._address = address

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if (event.key.resource, event.key.name) in (("nodes", self._node), ("namespaces", _LEASE_NAMESPACE)):
            yield self._node

    def reconcile(self, key: str) -> float | None:
        node = self._client.get("nodes", "", self._node) or self._client.create("nodes", self._new())
        before = (node.get("status") or {}).get("conditions") or []
        self._client.update_status("nodes", {**node, "status": self._status(before)})
        return self._renew()

    def _new(self) -> Object:
        labels = {
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": self._node,
            "kubernetes.io/os": "linux",
            "node-role.kubernetes.io/control-plane": "",
        }
        spec = {
            "podCIDR": "10.244.0.0/24",
            "podCIDRs": ["10.244.0.0/24"],
            "providerID": f"pocketmesh://{self._node}",
        }
        metadata = {"name": self._node, "labels": labels}
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}

    def _status(self, before: list[Object]) -> Object:
        now = rfc3339(self._clock.now())
        conditions = before
        for kind, status, reason, message in _HEALTHY:
            said = {"type": kind, "status": status, "reason": reason, "message": message}
            conditions = with_condition(conditions, said, now)
        addresses = [
            {"type": "InternalIP", "address": self._address},
            {"type": "Hostname", "address": self._node},
        ]
        info = {
            "architecture": "amd64",
            "bootID": "00000000-0000-0000-0000-000000000000",
            "containerRuntimeVersion": "pocketmesh://1",
            "kernelVersion": "6.0.0-emulated",
            "kubeProxyVersion": "",
            "kubeletVersion": f"v{KUBERNETES}",
            "machineID": "0",
            "operatingSystem": "linux",
            "osImage": "pocketmesh (emulated)",
            "systemUUID": "0",
        }
        return {
            "addresses": addresses,
            "allocatable": _RESOURCES,
            "capacity": _RESOURCES,
            "conditions": [{"lastHeartbeatTime": now, **each} for each in conditions],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": info,
        }

    def _renew(self) -> float | None:
        """Renews the lease; without its namespace there is none, and its arrival calls again."""
        now = rfc3339_micro(self._clock.now())
        try:
            if self._client.get(LEASES, _LEASE_NAMESPACE, self._node) is not None:
                self._client.merge(LEASES, _LEASE_NAMESPACE, self._node, {"spec": {"renewTime": now}})
            else:
                metadata = {"name": self._node, "namespace": _LEASE_NAMESPACE}
                spec = {"holderIdentity": self._node, "leaseDurationSeconds": 40, "renewTime": now}
                lease = {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": metadata,
                    "spec": spec,
                }
                self._client.create(LEASES, lease)
        except ApiError as error:
            if error.code != 404:
                raise
            return None
        return RENEWAL
