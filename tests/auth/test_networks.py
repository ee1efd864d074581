"""`networks`: prefixes, and what lies inside what."""

from __future__ import annotations

import pytest

from auth.networks import canonical, inside, joined, permitted, prefix_of
from config.errors import OperatorError


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.0/24"),
    ],
)
def test_a_place_is_a_24_or_a_64(address: str, prefix: str) -> None:
    assert prefix_of(address) == prefix


@pytest.mark.parametrize("address", ["", "localhost", "192.0.2", "192.0.2.7:22", "1.2.3.4, 5.6.7.8"])
def test_what_is_no_address_has_no_place(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        prefix_of(address)


def test_a_mapped_address_lies_in_its_ipv4_network() -> None:
    assert inside("::ffff:192.0.2.7", ["192.0.2.0/24"])


def test_nothing_lies_in_no_network() -> None:
    assert not inside("192.0.2.7", [])


@pytest.mark.parametrize(
    ("bound", "may"), [("", True), ("192.0.2.0/24,2001:db8::/32", True), ("198.51.100.0/24", False)]
)
def test_a_credential_is_used_within_its_networks_alone(bound: str, may: bool) -> None:
    assert permitted("192.0.2.7", bound) is may


@pytest.mark.parametrize(("typed", "kept"), [(" 192.0.2.7 ", "192.0.2.7/32"), ("10.0.0.0/8", "10.0.0.0/8")])
def test_networks_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert canonical(typed) == kept


@pytest.mark.parametrize("typed", ["", "school", "192.0.2.1/24", "192.0.2.0/33", "0.0.0.0/0", "::/0"])
def test_what_is_no_network_is_refused_in_one_line(typed: str) -> None:
    with pytest.raises(OperatorError, match=r"^[^\n]+$"):
        canonical(typed)


def test_networks_are_joined_once_each() -> None:
    assert joined(["10.0.0.0/8", "192.0.2.7", "10.0.0.0/8"]) == "10.0.0.0/8,192.0.2.7/32"
