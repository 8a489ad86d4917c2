"""The Kubernetes API over HTTP/1.1 and TLS."""
