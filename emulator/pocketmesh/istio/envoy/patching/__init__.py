"""EnvoyFilters: changes to the configuration of a proxy before it is written.

A pure function from our configuration and the EnvoyFilters of a proxy to another configuration. Names in our
configuration are Istio's, so what matches there matches here; whether the result makes sense is for Envoy to
say. Upstream: istio/istio pilot/pkg/networking/core/envoyfilter.
"""

from pocketmesh.istio.envoy.patching.configuration import patched

__all__ = ["patched"]
