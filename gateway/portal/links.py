"""What a mailed link opens [R20]: activating an account, a new password, a new authenticator.

To look at a link spends and changes nothing, because mail scanners look at every one; acts are POSTs. The token stands
in the address and nowhere else. Thread-safe.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from auth.links import Purpose
from config.errors import OperatorError
from gateway.enrolment import Enrolment, LinkDead, NotAccepted, Opened
from gateway.portal import forms, words
from gateway.portal.advice import Adviser, chosen
from gateway.portal.routes import Route
from gateway.portal.visitor import peer

_PAGES = {
    Purpose.ACTIVATION: "link-activate.html",
    Purpose.PASSWORD: "link-password.html",
    Purpose.CODES: "link-codes.html",
}
_TERMS = "The terms have to be accepted: read them, then tick the box."


class LinkPages:
    """`/link/<token>` and the acts below it."""

    def __init__(self, enrolment: Enrolment, adviser: Adviser) -> None:
        self._enrolment = enrolment
        self._adviser = adviser

    def routes(self) -> tuple[Route, ...]:
        """What is answered here. Whoever holds the link has shown all that these pages want."""
        return (
            Route("GET", "/link/<token>", "link", self.look, for_strangers=True),
            Route("POST", "/link/<token>/password", "link_password", self.choose, for_strangers=True),
            Route("POST", "/link/<token>/codes", "link_codes", self.begin, for_strangers=True),
            Route("POST", "/link/<token>/confirm", "link_confirm", self.confirm, for_strangers=True),
            Route("POST", "/link/<token>/again", "link_again", self.ask_again, for_strangers=True),
        )

    def look(self, token: str) -> ResponseReturnValue:
        """What this link is for, and the first step."""
        opened = self._enrolment.look(token)
        return _dead(token) if opened is None else self._page(opened, token)

    def choose(self, token: str) -> ResponseReturnValue:
        """A new password: the first step of an activation, or all that the link was for."""
        opened = self._enrolment.look(token)
        if opened is None:
            return _dead(token)
        password, problem = chosen()
        if problem is None and opened.purpose is Purpose.ACTIVATION and not _accepted():
            problem = _TERMS
        if problem is None:
            try:
                self._enrolment.choose_password(token, password, peer())
            except LinkDead:
                return _dead(token)
            except OperatorError as exc:
                problem = str(exc)
        if problem is not None:
            return self._page(opened, token, problem), HTTPStatus.UNPROCESSABLE_ENTITY
        if opened.purpose is Purpose.ACTIVATION:
            return self._scan(opened, token, None)
        return render_template("password-set.html", username=opened.username)

    def begin(self, token: str) -> ResponseReturnValue:
        """A new secret for the authenticator; whoever loses one shows the account's password first."""
        opened = self._enrolment.look(token)
        if opened is None:
            return _dead(token)
        is_activation = opened.purpose is Purpose.ACTIVATION
        return self._scan(opened, token, None if is_activation else forms.field("password", forms.LONGEST_PASSWORD))

    def confirm(self, token: str) -> ResponseReturnValue:
        """A code of the new secret ends the act, and the link with it."""
        opened = self._enrolment.look(token)
        if opened is None:
            return _dead(token)
        if opened.purpose is Purpose.ACTIVATION and not _accepted():
            abort(HTTPStatus.BAD_REQUEST)  # the form carries the box that was ticked
        try:
            codes = self._enrolment.confirm_codes(token, forms.field("code"), peer())
        except LinkDead:
            return _dead(token)
        except NotAccepted:
            page = render_template("link-confirm.html", opened=opened, token=token)
            return page, HTTPStatus.UNPROCESSABLE_ENTITY
        return render_template("codes-kept.html", codes=codes, username=opened.username, opened=opened)

    def ask_again(self, token: str) -> ResponseReturnValue:
        """A new link for a dead one, to the address of its account."""
        self._enrolment.ask_again(token, peer())
        return render_template("link-sent.html")

    def _scan(self, opened: Opened, token: str, password: str | None) -> ResponseReturnValue:
        try:
            new = self._enrolment.begin_codes(token, password, peer())
        except LinkDead:
            return _dead(token)
        except (NotAccepted, OperatorError) as exc:
            return self._page(opened, token, str(exc)), HTTPStatus.UNPROCESSABLE_ENTITY
        return render_template("link-scan.html", opened=opened, token=token, new=new, picture=words.qr(new.uri))

    def _page(self, opened: Opened, token: str, problem: str | None = None) -> str:
        advice = self._adviser.advise(staff=opened.staff)
        return render_template(_PAGES[opened.purpose], opened=opened, token=token, problem=problem, advice=advice)


def _accepted() -> bool:
    return forms.field("terms") == "accepted"


def _dead(token: str) -> ResponseReturnValue:
    return render_template("link-dead.html", token=token), HTTPStatus.GONE
