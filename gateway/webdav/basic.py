"""Who a request says it is, and over what: the Basic header, the peer behind a proxy, and whether the way is safe.

Pure and thread-safe.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, TypeAlias

from gateway.webdav.lobby import plain_address

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

_PORT = r"(?::[0-9]{1,5})?"
_HOP = re.compile(rf"([0-9.]+){_PORT}|\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9A-Fa-f:.]+)")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password as typed. Hides the password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """The client's address, None where a proxy does not name it, and whether nobody between it and us can listen."""

    address: str | None
    private: bool


def parse_basic(header: str) -> Credentials | None:
    """The credentials in an Authorization header (RFC 7617); None for whatever is not one."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    username, colon, password = decoded.partition(":")
    return Credentials(username, password) if colon and username and "\0" not in decoded else None


def within(address: str, networks: Networks) -> bool:
    """Whether `address` lies in one of `networks`; False where it is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def scheme_of(environ: Mapping[str, Any], proxies: Networks) -> str:
    """The scheme by which the client came: to us, or by the word of a trusted proxy to that."""
    if not within(environ["REMOTE_ADDR"], proxies):
        return str(environ["wsgi.url_scheme"])
    return "https" if environ.get("HTTP_X_FORWARDED_PROTO", "").lower() == "https" else "http"


def way_of(environ: Mapping[str, Any], proxies: Networks) -> Way:
    """How the request came. A trusted proxy is asked whom it speaks for, and must say that it was reached by https."""
    peer = environ["REMOTE_ADDR"]
    encrypted = scheme_of(environ, proxies) == "https"
    if within(peer, proxies):
        return Way(_client_of(environ.get("HTTP_X_FORWARDED_FOR", ""), proxies), encrypted)
    return Way(peer, encrypted or _is_loopback(peer))


def _client_of(forwarded: str, proxies: Networks) -> str | None:
    """Whom X-Forwarded-For names: its last entry that is not a trusted proxy. What stands before it, anyone may say."""
    hops = (_address_in(hop.strip()) for hop in reversed(forwarded.split(",")))
    return next((hop for hop in hops if hop is None or not within(hop, proxies)), None)


def _address_in(hop: str) -> str | None:
    """The address in an entry, which some proxies write with its port; None where there is none."""
    match = _HOP.fullmatch(hop)
    address = plain_address(match[1] or match[2] or match[3]) if match is not None else ""
    return address if _is_address(address) else None


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_loopback
