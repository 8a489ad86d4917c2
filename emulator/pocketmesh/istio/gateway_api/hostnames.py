"""Hostnames with a leading wildcard, as listeners and routes compare them."""

from __future__ import annotations


def overlap(listener: str, route: str) -> bool:
    """Whether some name is meant by both; `*` stands for any text, as in istio/istio pkg/config/host."""
    if listener == "*" or route == "*":
        return True
    if listener.startswith("*") and route.startswith("*"):
        one, other = listener[1:], route[1:]
        return one.endswith(other) or other.endswith(one)
    if listener.startswith("*"):
        return route.endswith(listener[1:])
    if route.startswith("*"):
        return listener.endswith(route[1:])
    return listener == route


def covers(pattern: str, name: str) -> bool:
    """Whether everything that `name` means is meant by `pattern` as well."""
    if pattern in {"*", name}:
        return True
    return pattern.startswith("*") and name.endswith(pattern[1:])


def intersection(one: str, other: str) -> str:
    """What both mean, which is the more specific of them; empty when there is nothing."""
    if covers(one, other):
        return other
    return one if covers(other, one) else ""
