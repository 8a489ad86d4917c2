"""What istiod is told at its start; the defaults are those of an ambient installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`domain` is DOMAIN_SUFFIX, `ambient` PILOT_ENABLE_AMBIENT, `waypoints` PILOT_ENABLE_AMBIENT_WAYPOINTS,
    `alpha` PILOT_ENABLE_ALPHA_GATEWAY_API."""

    domain: str = "cluster.local"
    root_namespace: str = "istio-system"
    revision: str = "default"
    ambient: bool = True
    waypoints: bool = True
    alpha: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """What the environment of istiod's container says."""

        def on(variable: str, otherwise: bool = False) -> bool:
            return environment.get(variable, str(otherwise)).lower() in {"1", "t", "true"}

        ambient = on("PILOT_ENABLE_AMBIENT")
        return cls(
            ambient=ambient,
            waypoints=on("PILOT_ENABLE_AMBIENT_WAYPOINTS", ambient),
            alpha=on("PILOT_ENABLE_ALPHA_GATEWAY_API"),
        )
