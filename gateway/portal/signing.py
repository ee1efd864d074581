"""Signing in and out, and asking for a new password [R33] [R20].

Whatever is wrong gets one answer; who has shown all factors is told what stands in the way. Thread-safe.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from auth import recovery
from auth.authenticator import Authenticator, PageSignIn
from auth.principal import Candidate, Factor, Proof
from auth.verdicts import Refusal
from gateway.credentials import OwnCredentials
from gateway.enrolment import Enrolment
from gateway.portal import forms
from gateway.portal.gate import Visits
from gateway.portal.routes import Route
from gateway.portal.visitor import COOKIE, Visitor, forget, leave, peer, remember, settle


class SigningPages:
    """`/sign-in`, `/sign-out` and `/forgotten`."""

    def __init__(self, authenticator: Authenticator, enrolment: Enrolment, own: OwnCredentials, visits: Visits) -> None:
        self._authenticator = authenticator
        self._enrolment = enrolment
        self._own = own
        self._visits = visits

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("GET", "/sign-in", "sign_in", self.ask, for_strangers=True),
            Route("POST", "/sign-in", "signed_in", self.sign_in, for_strangers=True),
            Route("POST", "/sign-out", "sign_out", self.sign_out),
            Route("GET", "/forgotten", "forgotten", self.ask_name, for_strangers=True),
            Route("POST", "/forgotten", "forgotten_sent", self.forgotten, for_strangers=True),
        )

    def ask(self) -> ResponseReturnValue:
        """The form. A browser that comes from another site has kept its cookie back: it may be signed in all along."""
        outcome = self._visits.resume()
        if isinstance(outcome, Visitor):
            return redirect(url_for("account"), HTTPStatus.SEE_OTHER)
        ended = COOKIE in request.cookies
        page = render_template("sign-in.html", name="", ended=ended, elsewhere=forms.is_from_elsewhere())
        return forget(make_response(page)) if ended else page

    def sign_in(self) -> ResponseReturnValue:
        """All factors at once; the session's name is new, so that none that was planted before is of any use."""
        name = forms.field("name")
        outcome = self._outcome(self._authenticator.candidate(name, peer()))
        if isinstance(outcome, Refusal) and outcome.message is not None:
            return render_template("standing.html", why=outcome.message), HTTPStatus.FORBIDDEN
        if not isinstance(outcome, PageSignIn):
            return render_template("sign-in.html", name=name, refused=True), HTTPStatus.FORBIDDEN
        if (earlier := request.cookies.get(COOKIE)) is not None:
            self._authenticator.close_page(earlier)
        if Factor.RECOVERY_CODE in outcome.principal.factors:
            self._own.recovery_code_used(outcome.principal, peer())
        settle(outcome.principal)
        return remember(make_response(redirect(url_for("account"), HTTPStatus.SEE_OTHER)), outcome.token)

    def sign_out(self, who: Visitor) -> ResponseReturnValue:
        """End the session, here and in the browser."""
        self._authenticator.close_page(who.token)
        leave()
        return forget(make_response(render_template("signed-out.html")))

    def ask_name(self) -> ResponseReturnValue:
        """The form."""
        return render_template("forgotten.html")

    def forgotten(self) -> ResponseReturnValue:
        """One answer, whether or not anybody has this name."""
        self._enrolment.forgotten(forms.field("name"), peer())
        return render_template("forgotten.html", sent=True)

    def _outcome(self, candidate: Candidate) -> PageSignIn | Refusal | None:
        """What was shown comes to; None where it does not hold.

        A code is not looked at beside a wrong password: it is good once, and the password may have been a slip.
        """
        password = self._authenticator.check_password(candidate, forms.field("password", forms.LONGEST_PASSWORD))
        if password is None:
            return None
        code = self._code(candidate, forms.field("code"))
        return None if code is None else self._authenticator.open_page(candidate, [password, code])

    def _code(self, candidate: Candidate, typed: str) -> Proof | None:
        if recovery.looks_like_one(typed):
            return self._authenticator.check_recovery_code(candidate, typed)
        return self._authenticator.check_code(candidate, typed)
