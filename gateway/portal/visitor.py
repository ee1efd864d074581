"""Who asks for a page: the way a request came, and the browser that has signed in.

The HTTP server hands in how the request came, because it alone knows the proxies: `ladocs.address` (None where a proxy
names nobody), `ladocs.private`, and the connection, which leaves the lobby once somebody has signed in on it.
Functions here read the request at hand. Thread-safe.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace

from flask import Response, g, request

from auth.principal import Door, Peer, Principal

COOKIE = "__Host-ladocs"
_LONGEST_CLIENT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Somebody who has signed in to the pages. `token` is what the cookie holds."""

    principal: Principal
    peer: Peer
    token: str = field(repr=False)
    is_head: bool = False

    @property
    def seal(self) -> str:
        """What the forms of this session carry: it can be made of the cookie alone, and says nothing of it."""
        return seal_of(self.token)


def seal_of(token: str) -> str:
    """The seal of a session's forms."""
    return hmac.digest(token.encode(errors="replace"), b"ladocs form of a page session", hashlib.sha256).hex()


def peer() -> Peer:
    """The browser at the other end. Only where the way is private: elsewhere the gate has refused."""
    address: str = request.environ["ladocs.address"]
    return Peer(address=address, door=Door.PORTAL, client=request.user_agent.string[:_LONGEST_CLIENT])


def visitor() -> Visitor:
    """Who has signed in. Raises KeyError where the gate let nobody in."""
    who: Visitor = g.visitor
    return who


def whoever() -> Visitor | None:
    """Who has signed in, if somebody has: for the head of a page."""
    who: Visitor | None = g.get("visitor")
    return who


def renewed(who: Visitor, token: str) -> None:
    """The session goes on under a new name: the forms of the page that says so carry its seal."""
    g.visitor = replace(who, token=token)


def settle(principal: Principal) -> None:
    """This connection is `principal`'s: it waits no longer among strangers."""
    if (connection := request.environ.get("ladocs.connection")) is not None:
        connection.signed_in(principal.account_id, is_service=False)


def leave() -> None:
    """Nobody is signed in on this page any more."""
    g.pop("visitor")


def remember(response: Response, token: str) -> Response:
    """Let the browser bring `token` until it is closed. The end of the session is the server's to say."""
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="Strict")
    return response


def forget(response: Response) -> Response:
    """Let the browser bring no cookie any more."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return response
