from __future__ import annotations

import pytest
import yaml

from pocketmesh.istio.install import component_objects
from pocketmesh.istioctl.values import customised, parse
from pocketmesh.objects import Object
from pocketmesh.remote.errors import Failed
from pocketmesh.versions import ISTIO


def installed(kind: str, name: str, *settings: str, profile: str = "ambient") -> Object:
    values = parse((f"profile={profile}", *settings))
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


def test_other_profiles_have_an_istiod_that_knows_no_ambient_mode() -> None:
    (container,) = installed("Deployment", "istiod", profile="minimal")["spec"]["template"]["spec"][
        "containers"
    ]
    mesh = yaml.safe_load(installed("ConfigMap", "istio", profile="minimal")["data"]["mesh"])
    assert "PILOT_ENABLE_AMBIENT" not in {variable["name"] for variable in container["env"]}
    assert container["image"].endswith(f"/pilot:{ISTIO}")
    assert {"proxyMetadata", "serviceScopeConfigs"}.isdisjoint({*mesh, *mesh["defaultConfig"]})


@pytest.mark.parametrize("settings", [(), ("meshConfig.accessLogFile=/dev/stderr",)])
def test_what_a_profile_sets_can_be_set_otherwise(settings: tuple[str, ...]) -> None:
    mesh = yaml.safe_load(installed("ConfigMap", "istio", *settings, profile="demo")["data"]["mesh"])
    assert mesh["accessLogFile"] == ("/dev/stderr" if settings else "/dev/stdout")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("profile=openshift", "has the profiles ambient, default, demo, minimal, not openshift"),
        ("tag=1.20.0", "and no other: leave out tag=1.20.0"),
        ("components.cni.enabled=false", "whole profiles: ambient has no components.cni.enabled: false"),
        ("revision=canary", "does not know the setting revision"),
        ("profile", 'it has the form "key=value"'),
    ],
)
def test_what_is_not_known_is_refused_by_name(setting: str, words: str) -> None:
    with pytest.raises(Failed, match=words):
        parse(("profile=ambient", setting))


OPERATOR = {
    "kind": "IstioOperator",
    "spec": {
        "profile": "ambient",
        "components": {"cni": {"enabled": True}},
        "meshConfig": {
            "accessLogFile": "/dev/stdout",
            "defaultConfig": {"concurrency": 2},
            "defaultProviders": {},
        },
        "values": {"pilot": {"env": {"PILOT_ENABLE_ALPHA_GATEWAY_API": True}}},
    },
}


def test_an_operator_says_what_flags_say() -> None:
    assert parse((), [OPERATOR]) == parse(
        (
            *("profile=ambient", "components.cni.enabled=true", "meshConfig.accessLogFile=/dev/stdout"),
            *("meshConfig.defaultConfig.concurrency=2", "meshConfig.defaultProviders={}"),
            "values.pilot.env.PILOT_ENABLE_ALPHA_GATEWAY_API=true",
        )
    )


def test_flags_win_over_operators_and_later_operators_over_earlier_ones() -> None:
    first = {"kind": "IstioOperator", "spec": {"profile": "demo", "hub": "docker.io/istio"}}
    second = {"kind": "IstioOperator", "spec": {"profile": "default"}}
    found = [parse(flags, [first, second]) for flags in ((), ("profile=minimal",))]
    assert [(it.profile, it.hub) for it in found] == [
        ("default", "docker.io/istio"),
        ("minimal", "docker.io/istio"),
    ]


def test_what_is_no_operator_is_refused() -> None:
    with pytest.raises(Failed, match="an IstioOperator is wanted, not Gateway"):
        parse((), [{"kind": "Gateway"}])
