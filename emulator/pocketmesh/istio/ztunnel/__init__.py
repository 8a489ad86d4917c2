"""The node's L4 proxy of the ambient mesh."""

from pocketmesh.istio.ztunnel.ztunnel import Closed, Ztunnel

__all__ = ["Closed", "Ztunnel"]
