"""What a browser sends: fields within bounds, and whether it was one of our own pages that sent them.

Two answers to cross-site request forgery, either of which would do: where the request comes from, for every POST, and
the session's seal in every form behind sign-in (docs/decisions/0079). Functions read the request at hand. Thread-safe.
"""

from __future__ import annotations

import hmac

from flask import abort, request

SEAL = "seal"
_LONGEST = 200
LONGEST_PASSWORD = 1024  # the highest `password.maximum`
LONGEST_KEY = 16384


def field(name: str, longest: int = _LONGEST) -> str:
    """What was typed, '' for nothing. Answers 400 for more than any person would type there."""
    value = request.form.get(name, "")
    if len(value) > longest or "\0" in value:
        abort(400)
    return value


def is_ours(own_origins: frozenset[str]) -> bool:
    """Did one of our own pages send this? What neither header says is refused.

    `Sec-Fetch-Site` is the browser's own word, which no page can forge; browsers from before 2023 have `Origin` alone.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") in own_origins | {f"{request.scheme}://{request.host}"}


def is_from_elsewhere() -> bool:
    """Did a link on another site lead here? The browser has then kept the cookie back."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def is_sealed(seal: str) -> bool:
    """Does the form carry the seal of the session?"""
    return hmac.compare_digest(request.form.get(SEAL, "").encode(), seal.encode())
