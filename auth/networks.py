"""Addresses and networks as text: what counts as one place, and what lies inside what. Pure; thread-safe.

An IPv4 address that arrives mapped into IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 address.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from config.errors import OperatorError

_PREFIX_V4 = 24
_PREFIX_V6 = 64


def parse_address(address: str) -> IPv4Address | IPv6Address:
    """The address that a peer came from, without the scope id of a link-local one. Raises ValueError."""
    parsed = ip_address(address)
    return parsed if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped or IPv6Address(int(parsed))


def prefix_of(address: str) -> str:
    """The place of an address: its /24, or /64 in IPv6. Raises ValueError."""
    parsed = parse_address(address)
    length = _PREFIX_V4 if parsed.version == 4 else _PREFIX_V6
    return str(ip_network(f"{parsed}/{length}", strict=False))


def inside(address: str, networks: Iterable[str]) -> bool:
    """Does `address` lie in one of `networks` (CIDR)? Never in none. Raises ValueError for text that is neither."""
    parsed = parse_address(address)
    return any(parsed in ip_network(network) for network in networks)


def permitted(address: str, bound_to: str) -> bool:
    """May a credential bound to `bound_to` (comma-separated CIDR, empty for anywhere) be used from `address`?"""
    return not bound_to or inside(address, bound_to.split(","))


def canonical(network: str) -> str:
    """`network` or a single address as CIDR. Raises OperatorError, naming what would do."""
    try:
        parsed = ip_network(network.strip())
    except ValueError as exc:
        raise OperatorError(f"'{network}' is not a network: write it as 192.0.2.0/24 or 2001:db8::/48.") from exc
    if parsed.prefixlen == 0:
        raise OperatorError(f"'{network}' is everywhere: name the networks from which it will be used.")
    return str(parsed)


def joined(networks: Iterable[str]) -> str:
    """Networks as the tables of credentials keep them: canonical, sorted, comma-separated. Raises OperatorError."""
    return ",".join(sorted({canonical(network) for network in networks}))
