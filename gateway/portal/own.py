"""My password and my one-time codes [R12] [R13]. Every change ends the other sessions and gives this one a new name.

Whatever a person forgot is asked again: the current password goes before each change. Thread-safe.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from config.errors import OperatorError
from gateway.credentials import OwnCredentials
from gateway.enrolment import NotAccepted
from gateway.portal import forms, words
from gateway.portal.advice import Adviser, chosen
from gateway.portal.routes import Route
from gateway.portal.visitor import Visitor, remember, renewed


class OwnPages:
    """`/account/password` and `/account/codes`."""

    def __init__(self, own: OwnCredentials, adviser: Adviser) -> None:
        self._own = own
        self._adviser = adviser

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("GET", "/account/password", "password", self.ask_password),
            Route("POST", "/account/password", "password_changed", self.change_password),
            Route("GET", "/account/codes", "codes", self.show_codes),
            Route("POST", "/account/codes", "codes_begun", self.begin_codes),
            Route("POST", "/account/codes/confirm", "codes_confirmed", self.confirm_codes),
            Route("POST", "/account/codes/recovery", "recovery_renewed", self.renew_recovery),
        )

    def ask_password(self, who: Visitor) -> ResponseReturnValue:
        """The form."""
        return self._password_page(who)

    def change_password(self, who: Visitor) -> ResponseReturnValue:
        """The new password holds from now on, here and at every door."""
        new, unequal = chosen()
        if unequal is not None:
            return self._password_page(who, new=unequal), HTTPStatus.UNPROCESSABLE_ENTITY
        current = forms.field("password", forms.LONGEST_PASSWORD)
        try:
            token = self._own.change_password(who.principal, current, new, who.peer)
        except NotAccepted as exc:
            return self._password_page(who, password=str(exc)), HTTPStatus.UNPROCESSABLE_ENTITY
        except OperatorError as exc:
            return self._password_page(who, new=str(exc)), HTTPStatus.UNPROCESSABLE_ENTITY
        back = redirect(url_for("account", done="password-changed"), HTTPStatus.SEE_OTHER)
        return remember(make_response(back), token)

    def show_codes(self, who: Visitor) -> ResponseReturnValue:
        """How many recovery codes are left, and what can be made new."""
        return self._codes_page(who)

    def begin_codes(self, who: Visitor) -> ResponseReturnValue:
        """A new secret; the old one holds until a code of the new one was shown."""
        try:
            new = self._own.begin_codes(who.principal, forms.field("password", forms.LONGEST_PASSWORD), who.peer)
        except (NotAccepted, OperatorError) as exc:
            return self._codes_page(who, authenticator=str(exc)), HTTPStatus.UNPROCESSABLE_ENTITY
        return render_template("codes-scan.html", new=new, picture=words.qr(new.uri))

    def confirm_codes(self, who: Visitor) -> ResponseReturnValue:
        """A code of the new secret puts it in the old one's place."""
        try:
            codes, token = self._own.confirm_codes(who.principal, forms.field("code"), who.peer)
        except (NotAccepted, OperatorError):
            return render_template("codes-confirm.html"), HTTPStatus.UNPROCESSABLE_ENTITY
        renewed(who, token)
        return remember(make_response(render_template("codes-kept.html", codes=codes, is_changed=True)), token)

    def renew_recovery(self, who: Visitor) -> ResponseReturnValue:
        """Ten new recovery codes; those before end."""
        password = forms.field("password", forms.LONGEST_PASSWORD)
        try:
            codes = self._own.new_recovery_codes(who.principal, password, who.peer)
        except (NotAccepted, OperatorError) as exc:
            return self._codes_page(who, recovery=str(exc)), HTTPStatus.UNPROCESSABLE_ENTITY
        return render_template("codes-kept.html", codes=codes)

    def _password_page(self, who: Visitor, **problems: str) -> str:
        advice = self._adviser.advise(staff=bool(who.principal.roles))
        return render_template("password.html", advice=advice, problems=problems)

    def _codes_page(self, who: Visitor, **problems: str) -> str:
        return render_template("codes.html", left=self._own.recovery_left(who.principal), problems=problems)
