from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from pocketmesh.net.addresses import Addresses, AddressesExhausted


def test_a_pod_keeps_its_address() -> None:
    addresses = Addresses()

    assert addresses.assign("a") == addresses.assign("a")


def test_two_pods_have_two_addresses() -> None:
    addresses = Addresses()

    assert addresses.assign("a") != addresses.assign("b")


def test_the_address_that_a_status_remembers_is_given_again() -> None:
    assert Addresses().assign("a", wanted="10.244.0.77") == "10.244.0.77"


@pytest.mark.parametrize("wanted", ["10.244.0.77", "192.0.2.1"], ids=["taken", "of another network"])
def test_an_address_that_cannot_be_had_is_replaced(wanted: str) -> None:
    addresses = Addresses()
    addresses.assign("first", wanted="10.244.0.77")

    assert addresses.assign("second", wanted=wanted) not in {wanted, "10.244.0.77"}


def test_a_freed_address_is_used_again_last() -> None:
    addresses = Addresses(IPv4Network("10.244.0.0/29"))
    first, *_ = [addresses.assign(str(number)) for number in range(4)]
    addresses.release("0")

    assert addresses.assign("next") != first
    assert addresses.assign("last") == first


def test_a_full_network_says_so() -> None:
    addresses = Addresses(IPv4Network("10.244.0.0/30"))
    addresses.assign("a")

    with pytest.raises(AddressesExhausted):
        addresses.assign("b")
