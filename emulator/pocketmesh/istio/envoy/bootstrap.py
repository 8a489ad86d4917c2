"""What Envoy is started with: who it is, where its configuration comes from, and little else."""

from __future__ import annotations

import orjson

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.xds import DISCOVERY, Json, asked_for, typed
from pocketmesh.istio.mesh.attachments import ProxyKind
from pocketmesh.istio.mesh.model import Workload
from pocketmesh.net.services import Place


def bootstrap(layout: Layout, kind: ProxyKind, gateway: Place, pod: Workload) -> bytes:
    """The bootstrap file of a Gateway's pod. Only the statistics that tell of rejected configuration and
    of connections are kept: each counter costs memory for each cluster."""
    kept = [
        *({"prefix": prefix} for prefix in ("listener_manager.", "cluster_manager.", "server.")),
        *({"suffix": suffix} for suffix in (".update_rejected", ".update_failure", ".version_text")),
    ]
    limit = typed(
        "envoy.resource_monitors.global_downstream_max_connections",
        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections="2147483647",
    )
    return orjson.dumps(
        {
            "node": {
                "id": f"{kind}~{pod.ip}~{pod.name}.{pod.namespace}~{pod.namespace}.svc.cluster.local",
                "cluster": f"{gateway[1]}.{gateway[0]}",
                "metadata": {"NAME": pod.name, "NAMESPACE": pod.namespace, "CLUSTER_ID": "Kubernetes"},
            },
            "admin": {"address": {"pipe": {"path": str(layout.admin), "mode": 0o600}}},
            "dynamic_resources": {
                "lds_config": asked_for(),
                "cds_config": asked_for(),
            },
            "static_resources": {"clusters": [_discovery(layout)]},
            "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": kept}}},
            "overload_manager": {"resource_monitors": [limit]},
        }
    )


def _discovery(layout: Layout) -> Json:
    """Whom Envoy asks; every question waits on a connection of its own."""
    address = {"pipe": {"path": str(layout.discovery)}}
    limits = [{"max_connections": 1_000_000, "max_pending_requests": 1_000_000, "max_requests": 1_000_000}]
    return {
        "name": DISCOVERY,
        "type": "STATIC",
        "circuit_breakers": {"thresholds": limits},
        "load_assignment": {
            "cluster_name": DISCOVERY,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
