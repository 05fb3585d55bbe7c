"""Addresses have one spelling, and a phone with a whole network of them is one caller."""

import pytest

from tabletap.kernel.addresses import as_hop, caller_network, network, normal


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.256", None),
        ("203.0.113", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_has_one_spelling(text: str | None, address: str | None) -> None:
    assert normal(text) == address


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        (" 203.0.113.9 ", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ('"[2001:db8::7]"', "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", None),
        ("_hidden:80", None),
    ],
)
def test_proxies_write_ports_and_brackets(hop: str, address: str | None) -> None:
    assert as_hop(hop) == address


def test_limits_see_an_ipv6_site_and_a_single_ipv4_address() -> None:
    assert caller_network("203.0.113.9") == "203.0.113.9"
    assert caller_network("::ffff:203.0.113.9") == "203.0.113.9"
    assert caller_network("2001:db8:1:2:3:4:5:6") == caller_network("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert caller_network("2001:db8:1:3::1") != caller_network("2001:db8:1:2::1")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2001:db8::/48", "2001:db8::/48"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("203.0.113.0/33", None),
        ("203.0.113.0/x", None),
        ("203.0.113.0/", None),
        ("203.0.113.0/255.255.255.0", None),
        ("everybody", None),
    ],
)
def test_a_network_is_an_address_with_or_without_a_prefix(text: str, found: str | None) -> None:
    assert str(network(text) or "") == (found or "")
