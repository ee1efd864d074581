"""The gate before every page: the way in, our own forms, the session, its seal, in this order.

Called by Flask before each view. A page that does not say it is for strangers is behind sign-in. What it lets through
still knows only who asks: what they may do is decided below. Thread-safe. Raises SignInUnavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus

from flask import g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from auth.authenticator import Authenticator
from auth.principal import Principal
from auth.verdicts import Refusal
from gateway.portal import forms
from gateway.portal.visitor import COOKIE, Visitor, forget, peer, settle

_WITHOUT_CREDENTIALS = frozenset({"static", "start"})  # anyone may listen


class Visits:
    """Who comes again: the sessions that cookies name. `is_head` says who heads a school."""

    def __init__(self, authenticator: Authenticator, is_head: Callable[[Principal], bool]) -> None:
        self._authenticator = authenticator
        self._is_head = is_head

    def resume(self) -> Visitor | Refusal | None:
        """The session that the cookie names, judged anew."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        outcome = self._authenticator.resume(token, peer())
        if not isinstance(outcome, Principal):
            return outcome
        settle(outcome)
        return Visitor(principal=outcome, peer=peer(), token=token, is_head=self._is_head(outcome))


class Gate:
    """`for_strangers` are the names of the pages that need no session."""

    def __init__(self, visits: Visits, *, for_strangers: Collection[str], own_origins: frozenset[str]) -> None:
        self._visits = visits
        self._for_strangers = frozenset(for_strangers)
        self._own_origins = own_origins

    def enter(self) -> ResponseReturnValue | None:
        """None for whoever may go on to the page; else what they are told."""
        if request.endpoint is None or request.endpoint in _WITHOUT_CREDENTIALS:
            return None
        if (refused := _refused_way()) is not None:
            return refused
        if request.method == "POST" and not forms.is_ours(self._own_origins):
            return _not_ours()
        return None if request.endpoint in self._for_strangers else self._admit()

    def _admit(self) -> ResponseReturnValue | None:
        outcome = self._visits.resume()
        if isinstance(outcome, Refusal) and outcome.message:
            page = render_template("standing.html", why=outcome.message)
            return forget(make_response(page, HTTPStatus.FORBIDDEN))
        if not isinstance(outcome, Visitor):
            return redirect(url_for("sign_in"), HTTPStatus.SEE_OTHER)
        if request.method == "POST" and not forms.is_sealed(outcome.seal):
            return _not_ours()
        g.visitor = outcome
        return None


def _refused_way() -> ResponseReturnValue | None:
    if not request.environ.get("ladocs.private", False):
        return render_template("not-private.html"), HTTPStatus.FORBIDDEN
    if request.environ.get("ladocs.address") is None:
        return render_template("not-named.html"), HTTPStatus.BAD_REQUEST
    return None


def _not_ours() -> ResponseReturnValue:
    return render_template("not-ours.html"), HTTPStatus.FORBIDDEN
