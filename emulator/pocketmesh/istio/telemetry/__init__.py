"""Istio's metrics: what ztunnel counts of connections and waypoints and gateways of requests."""
