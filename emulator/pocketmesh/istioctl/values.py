"""What `--set` and IstioOperators ask of an installation: the few settings that mean something here. Pure.

A setting that would change what is emulated, such as another release, is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from pocketmesh.istio.install import COMPONENTS
from pocketmesh.istioctl.exits import USAGE
from pocketmesh.istioctl.profiles import PROFILES, without_ambient
from pocketmesh.objects import Object, copied, name_of
from pocketmesh.remote.errors import Failed
from pocketmesh.versions import ISTIO

_HUB: Final = "registry.istio.io/release"
_MESH: Final = "meshConfig."
_ENV: Final = "values.pilot.env."
_COMPONENTS: Final = {f"components.{name.lower()}.enabled": name for name in COMPONENTS}
_WITHOUT_EFFECT: Final = frozenset({"values.global.platform", "values.defaultRevision"})


@dataclass(frozen=True)
class Values:
    """The settings; `mesh` are the fields of the mesh's configuration by dotted path."""

    profile: str = "default"
    hub: str = _HUB
    mesh: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def parse(settings: Iterable[str], operators: Iterable[Object] = ()) -> Values:
    """The values of `--set KEY=VALUE` flags, and of IstioOperators for what no flag says; the later win.

    Raises Failed for what this stand-in does not know.
    """
    found = [setting for operator in operators for setting in _declared(operator)]
    found += map(_flag, settings)
    profile, hub, mesh, environment, components = "default", _HUB, {}, {}, {}
    for key, value in found:
        if key == "profile":
            profile = value
        elif key in {"hub", "values.global.hub"}:
            hub = value
        elif key in {"tag", "values.global.tag"}:
            if value.removesuffix("-distroless") != ISTIO:
                raise Failed(f"this stand-in installs Istio {ISTIO} and no other: leave out {key}={value}")
        elif key.startswith(_MESH):
            mesh[key.removeprefix(_MESH)] = value
        elif key.startswith(_ENV):
            environment[key.removeprefix(_ENV)] = (
                str(value).lower() if isinstance(value, bool) else str(value)
            )
        elif key in _COMPONENTS:
            components[key] = value
        elif key not in _WITHOUT_EFFECT:
            raise Failed(
                f"this stand-in for istioctl does not know the setting {key}; it knows profile, hub, "
                f"{_MESH}* and {_ENV}*. The real istioctl knows the others."
            )
    if profile not in PROFILES:
        raise Failed(f"this stand-in for istioctl has the profiles {', '.join(PROFILES)}, not {profile}")
    for key, value in components.items():
        if value is not any(_COMPONENTS[key] in stage for stage in PROFILES[profile].stages):
            raise Failed(
                f"this stand-in installs whole profiles: {profile} has no {key}: {json.dumps(value)}"
            )
    return Values(profile, hub, {**PROFILES[profile].mesh, **mesh}, environment)


def _flag(setting: str) -> tuple[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise Failed(f'invalid flag --set {setting}: it has the form "key=value"', USAGE)
    return key, yaml.safe_load(value) if key.startswith(_MESH) or key in _COMPONENTS else value


def _declared(operator: Object) -> list[tuple[str, Any]]:
    """The settings of an IstioOperator as flags would name them."""
    if operator.get("kind") != "IstioOperator":
        raise Failed(f"an IstioOperator is wanted, not {operator.get('kind') or 'an object without a kind'}")
    return list(_leaves("", operator.get("spec") or {}))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, child)
    elif path:
        yield path, value


def customised(obj: Object, values: Values) -> Object:
    """An object of the ambient installation as these values want it."""
    if not PROFILES[values.profile].ambient:
        obj = without_ambient(obj, values.profile)
    match obj["kind"], name_of(obj):
        case "ConfigMap", "istio" if values.mesh:
            found = copied(obj)
            mesh = yaml.safe_load(found["data"]["mesh"])
            for path, value in values.mesh.items():
                _assign(mesh, path.split("."), value)
            found["data"]["mesh"] = yaml.safe_dump(mesh).rstrip("\n")
            return found
        case (("Deployment" | "DaemonSet"), name):
            found = copied(obj)
            for container in found["spec"]["template"]["spec"]["containers"]:
                container["image"] = container["image"].replace(_HUB, values.hub)
                if name == "istiod":
                    kept = [it for it in container["env"] if it["name"] not in values.environment]
                    added = [{"name": key, "value": it} for key, it in values.environment.items()]
                    container["env"] = [*kept, *added]
            return found
    return obj


def _assign(tree: dict[str, Any], path: list[str], value: object) -> None:
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise Failed(f"meshConfig.{'.'.join(path)}: {part} is not an object")
        tree = below
    tree[path[-1]] = value
