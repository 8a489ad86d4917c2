"""The profiles of an installation: which parts each has, and how they differ from those of `ambient`. Pure.

What this cluster does not emulate is left out by name: gateways that are installed rather than declared. Nor
are there sidecars under any profile, or the tracing and the smaller requests of `demo`.
Source: istio.io docs/setup/additional-setup/config-profiles; what only `ambient` has, istio/istio
manifests/helm-profiles/ambient.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from pocketmesh.objects import Object, copied, name_of

_VARIANT: Final = "-distroless"
_SWITCH: Final = "PILOT_ENABLE_AMBIENT"


@dataclass(frozen=True)
class Profile:
    """`stages` are the components in the order of what they need: those of one stage come up together.

    `mesh` is what the profile sets in the mesh's configuration, `lacks` what it would have besides, were it
    emulated.
    """

    stages: tuple[tuple[str, ...], ...] = (("Base",), ("Pilot",))
    mesh: Mapping[str, Any] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    farewell: str = "Made this installation the default for cluster-wide operations."

    @property
    def ambient(self) -> bool:
        """Whether istiod serves ztunnels and waypoints."""
        return self.stages[-1] == ("Ztunnel",)


PROFILES: Final = {
    "ambient": Profile(
        stages=(("Base",), ("Pilot", "Cni"), ("Ztunnel",)),
        farewell="The ambient profile has been installed successfully, enjoy Istio without sidecars!",
    ),
    "default": Profile(lacks=("Ingress gateways",)),
    "demo": Profile(mesh={"accessLogFile": "/dev/stdout"}, lacks=("Ingress gateways", "Egress gateways")),
    "minimal": Profile(),
}


def without_ambient(obj: Object, profile: str) -> Object:
    """An object of the ambient installation as the other profiles have it."""
    found = copied(obj)
    match found["kind"], name_of(found):
        case "ConfigMap", "istio":
            mesh = yaml.safe_load(found["data"]["mesh"])
            del (
                mesh["serviceScopeConfigs"],
                mesh["defaultConfig"]["proxyMetadata"],
                mesh["defaultConfig"]["image"],
            )
            found["data"]["mesh"] = yaml.safe_dump(mesh).rstrip("\n")
        case "ConfigMap", "istio-sidecar-injector":
            values = json.loads(found["data"]["values"])
            del values["pilot"]["env"], values["pilot"]["cni"]["ambient"], values["global"]["variant"]
            found["data"]["values"] = json.dumps(values, indent=2)
        case "ConfigMap", "values":
            original = json.loads(found["data"]["original-values"])
            found["data"]["original-values"] = json.dumps({**original, "profile": profile})
            found["data"]["merged-values"] = json.dumps({"profile": profile})
        case "Deployment", "istiod":
            for container in found["spec"]["template"]["spec"]["containers"]:
                container["image"] = container["image"].removesuffix(_VARIANT)
                container["env"] = [it for it in container["env"] if it["name"] != _SWITCH]
    return found
