"""Copies of what was withdrawn [R26]: a headteacher sees what is to be destroyed, and confirms it. Thread-safe."""

from __future__ import annotations

from http import HTTPStatus

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from config.errors import OperatorError
from gateway import copies
from gateway.copies import Copies
from gateway.portal.routes import Route
from gateway.portal.visitor import Visitor
from gateway.services import Services
from gateway.withdrawing import dispatched


class CopyPages:
    """`/copies`. To whoever heads no school there is no such page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("GET", "/copies", "copies", self.show),
            Route("GET", "/copies/<int:number>/destroyed", "copies_destroyed", self.ask),
            Route("POST", "/copies/<int:number>/destroyed", "copies_confirmed", self.confirm),
        )

    def show(self, who: Visitor) -> ResponseReturnValue:
        """What is to be destroyed at the own schools, and what was."""
        return render_template("copies.html", copies=self._asked(who), done=request.args.get("done", ""))

    def ask(self, who: Visitor, number: int) -> ResponseReturnValue:
        """Is it really so?"""
        return render_template("copies-destroyed.html", one=self._one(who, number))

    def confirm(self, who: Visitor, number: int) -> ResponseReturnValue:
        """The headteacher's word, kept."""
        one = self._one(who, number)
        try:
            with self._services.own.act(who.principal, who.peer) as (change, me):
                document = dispatched(change.connection, one.reference)
                copies.confirm(change, document, one.school_id, one.dfe, me)
        except OperatorError as exc:
            page = render_template("copies-destroyed.html", one=self._one(who, number), problem=str(exc))
            return page, HTTPStatus.UNPROCESSABLE_ENTITY
        return redirect(url_for("copies", done=one.reference), HTTPStatus.SEE_OTHER)

    def _asked(self, who: Visitor) -> list[Copies]:
        if not who.is_head:
            abort(HTTPStatus.NOT_FOUND)
        with self._services.database.read() as connection:
            return copies.asked_of(connection, who.principal.account_id, self._services.clock.now())

    def _one(self, who: Visitor, number: int) -> Copies:
        found = next((one for one in self._asked(who) if one.id == number), None)
        if found is None:
            abort(HTTPStatus.NOT_FOUND)
        return found
