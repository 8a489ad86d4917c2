"""Services get an address and ports, keep them, and are told when they cannot have what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    wanted = {"ports": [{"port": 80}], **spec}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": wanted}


def merge(core, patch: dict[str, Any]) -> dict[str, Any]:
    return core.patch("services", "web", "application/merge-patch+json", {"spec": patch}, "shop")["spec"]


def test_a_service_gets_an_address_of_its_own(core):
    one, two = (core.create("services", service(name))["spec"] for name in ("one", "two"))
    assert one["clusterIP"].startswith("10.96.")
    assert one["clusterIP"] != two["clusterIP"]
    assert (one["clusterIPs"], one["ipFamilies"], one["ipFamilyPolicy"]) == (
        [one["clusterIP"]],
        ["IPv4"],
        "SingleStack",
    )


def test_a_headless_service_gets_none(core):
    assert core.create("services", service(clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_an_external_name_gets_none_either(core):
    body = {"type": "ExternalName", "externalName": "example.com", "ports": []}
    assert "clusterIP" not in core.create("services", service(**body))["spec"]


def test_an_address_can_be_asked_for(core):
    assert core.create("services", service(clusterIP="10.96.0.10"))["spec"]["clusterIP"] == "10.96.0.10"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("10.96.0.9", "failed to allocate IP 10.96.0.9: provided IP is already allocated"),
        ("192.0.2.1", "is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
        ("x", "must be a valid IP address"),
    ],
    ids=["taken", "outside", "nonsense"],
)
def test_an_address_that_cannot_be_had_is_refused(core, address, message):
    core.create("services", service("first", clusterIP="10.96.0.9"))
    with pytest.raises(ApiError) as raised:
        core.create("services", service(clusterIP=address))
    assert raised.value.code == 422
    assert message in str(raised.value)


def test_an_address_never_changes(core):
    core.create("services", service())
    with pytest.raises(ApiError, match="may not change once set"):
        merge(core, {"clusterIP": "10.96.0.77", "clusterIPs": ["10.96.0.77"]})


def test_a_replacement_that_is_silent_keeps_the_address(core):
    address = core.create("services", service())["spec"]["clusterIP"]
    assert core.update("services", service(selector={"app": "web"}))["spec"]["clusterIP"] == address


def test_node_ports_are_given_and_kept(core):
    made = core.create("services", service(type="NodePort"))["spec"]["ports"][0]["nodePort"]
    assert 30000 <= made <= 32767
    assert core.update("services", service(type="NodePort"))["spec"]["ports"][0]["nodePort"] == made


def test_two_services_never_share_a_node_port(core):
    core.create("services", service("one", type="NodePort", ports=[{"port": 80, "nodePort": 30000}]))
    assert core.create("services", service(type="NodePort"))["spec"]["ports"][0]["nodePort"] != 30000
    with pytest.raises(ApiError, match="provided port is already allocated"):
        core.create("services", service("two", type="NodePort", ports=[{"port": 80, "nodePort": 30000}]))


def test_a_node_port_has_its_range(core):
    with pytest.raises(ApiError, match="The range of valid ports is 30000-32767"):
        core.create("services", service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]))


def test_node_ports_go_with_the_type(core):
    core.create("services", service(type="NodePort"))
    assert "nodePort" not in merge(core, {"type": "ClusterIP"})["ports"][0]


def test_the_address_goes_with_the_type(core):
    core.create("services", service())
    assert "clusterIP" not in merge(core, {"type": "ExternalName", "externalName": "example.com"})
