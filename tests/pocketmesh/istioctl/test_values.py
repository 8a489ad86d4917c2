from __future__ import annotations

import pytest
import yaml

from pocketmesh.istio.install import component_objects
from pocketmesh.istioctl.values import customised, parse
from pocketmesh.objects import Object
from pocketmesh.remote.errors import Failed


def installed(kind: str, name: str, *settings: str) -> Object:
    values = parse(("profile=ambient", *settings))
    return next(
        customised(obj, values)
        for obj in component_objects("Pilot")
        if (obj["kind"], obj["metadata"]["name"]) == (kind, name)
    )


def test_the_meshs_configuration_is_set_by_path() -> None:
    found = installed("ConfigMap", "istio", "meshConfig.accessLogFile=/dev/stdout", "meshConfig.a.b=3")
    mesh = yaml.safe_load(found["data"]["mesh"])
    assert (mesh["accessLogFile"], mesh["a"], mesh["rootNamespace"]) == (
        "/dev/stdout",
        {"b": 3},
        "istio-system",
    )


def test_istiods_environment_is_set() -> None:
    setting = "values.pilot.env.PILOT_ENABLE_ALPHA_GATEWAY_API=true"
    (container,) = installed("Deployment", "istiod", setting)["spec"]["template"]["spec"]["containers"]
    assert {"name": "PILOT_ENABLE_ALPHA_GATEWAY_API", "value": "true"} in container["env"]


def test_images_come_from_the_hub_that_was_named() -> None:
    (container,) = installed("Deployment", "istiod", "hub=docker.io/istio")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"].startswith("docker.io/istio/pilot:")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("profile=demo", "ambient profile only, not demo"),
        ("tag=1.20.0", "and no other: leave out tag=1.20.0"),
        ("components.cni.enabled=false", "does not know the setting components.cni.enabled"),
        ("profile", 'it has the form "key=value"'),
    ],
)
def test_what_is_not_known_is_refused_by_name(setting: str, words: str) -> None:
    with pytest.raises(Failed, match=words):
        parse(("profile=ambient", setting))
