"""The controllers that every cluster runs: kube-controller-manager's and kube-scheduler's."""

from __future__ import annotations

from typing import Final

from pocketmesh.api.auth.issuing import Authority
from pocketmesh.api.auth.tokens import Tokens
from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.account_tokens import AccountTokens
from pocketmesh.controllers.certificate_signing import CertificateSigner
from pocketmesh.controllers.cronjob import CronJobs
from pocketmesh.controllers.daemonset import DaemonSets
from pocketmesh.controllers.deployment import Deployments
from pocketmesh.controllers.endpoints import ServiceEndpoints
from pocketmesh.controllers.endpoints_mirror import EndpointsMirror
from pocketmesh.controllers.event_expiry import EventExpiry
from pocketmesh.controllers.garbage import GarbageCollector
from pocketmesh.controllers.hpa import Autoscalers
from pocketmesh.controllers.job import Jobs
from pocketmesh.controllers.loadbalancer import LoadBalancers
from pocketmesh.controllers.namespace import Namespaces
from pocketmesh.controllers.pdb import DisruptionBudgets
from pocketmesh.controllers.quota import Quotas
from pocketmesh.controllers.replicaset import REPLICATION_CONTROLLERS, ReplicaSets
from pocketmesh.controllers.runtime import Reconciler
from pocketmesh.controllers.scheduler import Scheduler
from pocketmesh.controllers.statefulset import StatefulSets
from pocketmesh.controllers.ttl import FinishedJobs
from pocketmesh.controllers.volumes import VolumeBinder

CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"


def standard_controllers(
    registry: Registry,
    ca_certificate: str,
    tokens: Tokens | None = None,
    authority: Authority | None = None,
) -> list[Reconciler]:
    """All of them; `ca_certificate` is the PEM that `kube-root-ca.crt` shows in every namespace.

    `tokens` signs what the Secrets of ServiceAccounts carry, `authority` the certificates that users ask for;
    without them these stay empty.
    """
    client, clock = Client(registry, CONTROLLER_MANAGER), registry.clock
    return [
        Namespaces(client, clock, ca_certificate),
        *([AccountTokens(client, tokens, ca_certificate)] if tokens else []),
        *([CertificateSigner(client, clock, authority)] if authority else []),
        Quotas(client),
        GarbageCollector(client, clock),
        EventExpiry(client, clock),
        Deployments(client, clock),
        ReplicaSets(client, clock),
        ReplicaSets(client, clock, REPLICATION_CONTROLLERS),
        DaemonSets(client, clock),
        StatefulSets(client, clock),
        Jobs(client, clock),
        CronJobs(client, clock),
        FinishedJobs(client, clock),
        ServiceEndpoints(client, clock),
        EndpointsMirror(client),
        LoadBalancers(client, clock),
        VolumeBinder(client, clock),
        DisruptionBudgets(client, clock),
        Autoscalers(client, clock),
        Scheduler(Client(registry, SCHEDULER), clock),
    ]
