"""What istiod is told at its start; the defaults are those of an ambient installation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`domain` is DOMAIN_SUFFIX, `ambient` PILOT_ENABLE_AMBIENT, `alpha` PILOT_ENABLE_ALPHA_GATEWAY_API."""

    domain: str = "cluster.local"
    root_namespace: str = "istio-system"
    revision: str = "default"
    ambient: bool = True
    alpha: bool = False
