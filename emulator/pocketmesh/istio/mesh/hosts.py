"""Names of hosts as Istio's own resources write them."""

from __future__ import annotations

from pocketmesh.net.services import host_of


def full_name(host: str, namespace: str) -> str:
    """The name that a host has when an object of a namespace mentions it.

    Only a name without any dot is completed, so `reviews.shop` is a name of its own that no Service has
    (istio/istio pilot/pkg/model/virtualservice.go, ResolveShortnameToFQDN).
    """
    return host if "." in host or host == "*" else host_of((namespace, host))


def covers(pattern: str, host: str) -> bool:
    """Whether a name, which may begin with `*`, stands for a host."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern
