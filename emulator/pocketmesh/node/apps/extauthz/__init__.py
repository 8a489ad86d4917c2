"""Istio's sample of an external authorization server, over HTTP and over gRPC."""
