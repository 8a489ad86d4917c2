"""What the Envoy of a gateway of class `istio` is told."""

from __future__ import annotations

from pocketmesh.istio.envoy.config import Configuration
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.xds import response
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.net.services import Place


def gateway_config(mesh: Mesh, gateway: Place, layout: Layout) -> Configuration:
    """The configuration of a gateway: where it listens, who may use it, and where requests go."""
    return Configuration({"cds.json": response(), "lds.json": response()}, frozenset())
