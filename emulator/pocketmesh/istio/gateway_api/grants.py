"""ReferenceGrants: who may refer to an object of another namespace."""

from __future__ import annotations

from pocketmesh.istio.resources import REFERENCE_GRANTS, Reader

_GROUP = "gateway.networking.k8s.io"


def backend_granted(route_kind: str, route_namespace: str, namespace: str, name: str, reader: Reader) -> bool:
    """Whether routes of a kind and namespace may send traffic to a Service of another namespace."""
    return _granted(route_kind, route_namespace, "Service", namespace, name, reader)


def secret_granted(gateway_namespace: str, namespace: str, name: str, reader: Reader) -> bool:
    """Whether Gateways of a namespace may use a certificate of another namespace."""
    return _granted("Gateway", gateway_namespace, "Secret", namespace, name, reader)


def _granted(kind: str, from_namespace: str, target: str, namespace: str, name: str, reader: Reader) -> bool:
    for grant in reader.all(REFERENCE_GRANTS, namespace):
        spec = grant["spec"]
        from_us = any(
            (source["group"], source["kind"], source["namespace"]) == (_GROUP, kind, from_namespace)
            for source in spec.get("from") or []
        )
        to_it = any(
            (item.get("group", ""), item["kind"]) == ("", target) and item.get("name") in {None, "", name}
            for item in spec.get("to") or []
        )
        if from_us and to_it:
            return True
    return False
