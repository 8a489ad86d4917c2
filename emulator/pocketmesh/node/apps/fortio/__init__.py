"""fortio, the load generator of Istio's guides, with its echo servers.

Upstream: fortio/fortio 1.60. Its user interface, gRPC load, profiles and files of results are not here.
"""
