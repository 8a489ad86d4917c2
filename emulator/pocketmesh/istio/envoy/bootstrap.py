"""What Envoy is started with: who it is, where its configuration comes from, and little else."""

from __future__ import annotations

import orjson

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.xds import from_file, typed
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
                "lds_config": from_file(str(layout.file("lds.json"))),
                "cds_config": from_file(str(layout.file("cds.json"))),
            },
            "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": kept}}},
            "overload_manager": {"resource_monitors": [limit]},
        }
    )
