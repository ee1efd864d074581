"""A headteacher's own staff [R13]: a new start for whoever has lost the authenticator. Thread-safe."""

from __future__ import annotations

from http import HTTPStatus

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from config.errors import OperatorError
from gateway.credentials import Colleague, OwnCredentials
from gateway.enrolment import NotAccepted
from gateway.portal.routes import Route
from gateway.portal.visitor import Visitor


class ColleaguePages:
    """`/colleagues`. To whoever heads no school there is no such page."""

    def __init__(self, own: OwnCredentials) -> None:
        self._own = own

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("GET", "/colleagues", "colleagues", self.show),
            Route("GET", "/colleagues/<username>/codes", "colleague_codes", self.ask),
            Route("POST", "/colleagues/<username>/codes", "colleague_codes_reset", self.reset),
        )

    def show(self, who: Visitor) -> ResponseReturnValue:
        """The staff of the own schools."""
        _only_heads(who)
        return render_template(
            "colleagues.html", colleagues=self._own.colleagues(who.principal), done=request.args.get("done", "")
        )

    def ask(self, who: Visitor, username: str) -> ResponseReturnValue:
        """Is it the right one?"""
        return render_template("colleague-codes.html", colleague=self._colleague(who, username))

    def reset(self, who: Visitor, username: str) -> ResponseReturnValue:
        """The codes end, and a link for new ones goes to the colleague: nobody else ever holds it."""
        try:
            self._own.reset_codes(who.principal, username, who.peer)
        except (NotAccepted, OperatorError) as exc:  # after the act has judged, so that whoever tried is recorded
            page = render_template("colleague-codes.html", colleague=self._colleague(who, username), problem=str(exc))
            return page, HTTPStatus.UNPROCESSABLE_ENTITY
        return redirect(url_for("colleagues", done=username), HTTPStatus.SEE_OTHER)

    def _colleague(self, who: Visitor, username: str) -> Colleague:
        _only_heads(who)
        found = next((each for each in self._own.colleagues(who.principal) if each.username == username), None)
        if found is None:
            abort(HTTPStatus.NOT_FOUND)
        return found


def _only_heads(who: Visitor) -> None:
    if not who.is_head:
        abort(HTTPStatus.NOT_FOUND)
