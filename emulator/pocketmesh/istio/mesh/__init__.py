"""The mesh as data: compiled from objects, asked for decisions. No I/O."""

from pocketmesh.istio.mesh.compile import INPUTS, compile_mesh
from pocketmesh.istio.mesh.decide import Path, decide, decide_arrival
from pocketmesh.istio.mesh.model import Mesh, Workload, World
from pocketmesh.istio.mesh.names import resolve

__all__ = [
    "INPUTS",
    "Mesh",
    "Path",
    "Workload",
    "World",
    "compile_mesh",
    "decide",
    "decide_arrival",
    "resolve",
]
