"""My devices and keys [R16] [R17]: what one has, when it was used last, making one and ending one. Thread-safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Protocol, TypeVar

from flask import abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from auth.devices import DeviceRow
from auth.keys import KeyRow
from auth.principal import Principal
from config.errors import OperatorError
from gateway.credentials import OwnCredentials
from gateway.portal import forms
from gateway.portal.addresses import Addresses
from gateway.portal.routes import Route
from gateway.portal.visitor import Visitor, remember

Now = Callable[[], datetime]
Notice = Callable[[Principal], str | None]


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


class AccountPages:
    """`/account` and what is done there."""

    def __init__(self, own: OwnCredentials, addresses: Addresses, now: Now, notice: Notice) -> None:
        self._own = own
        self._addresses = addresses
        self._now = now
        self._notice = notice

    def routes(self) -> tuple[Route, ...]:
        """What is answered here."""
        return (
            Route("GET", "/account", "account", self.show),
            Route("POST", "/account/devices", "device_made", self.make_device),
            Route("GET", "/account/devices/<int:number>/end", "device_end", self.ask_device),
            Route("POST", "/account/devices/<int:number>/end", "device_ended", self.end_device),
            Route("POST", "/account/keys", "key_added", self.add_key),
            Route("GET", "/account/keys/<int:number>/end", "key_end", self.ask_key),
            Route("POST", "/account/keys/<int:number>/end", "key_ended", self.end_key),
            Route("POST", "/account/elsewhere", "signed_out_elsewhere", self.sign_out_elsewhere),
        )

    def show(self, who: Visitor) -> ResponseReturnValue:
        """Everything one has. `done` says what the page before did."""
        return self._page(who)

    def make_device(self, who: Visitor) -> ResponseReturnValue:
        """A device password, in the answer to this one request and nowhere else.

        A page that is loaded again makes no second one: the name is taken by then.
        """
        name = forms.field("name").strip()
        try:
            shown = self._own.add_device(who.principal, name, _split(forms.field("networks")), who.peer)
        except OperatorError as exc:
            return self._refused(who, "device", str(exc))
        _, drive = self._addresses.here()
        return render_template("device-made.html", name=name, shown=shown, drive=drive)

    def ask_device(self, who: Visitor, number: int) -> ResponseReturnValue:
        """Is it the right one?"""
        return render_template("device-end.html", device=_numbered(self._devices(who), number))

    def end_device(self, who: Visitor, number: int) -> ResponseReturnValue:
        """Its drive is told within five seconds."""
        device = _numbered(self._devices(who), number)
        self._own.revoke_device(who.principal, device.id, who.peer)
        return _back("device-ended", "devices")

    def add_key(self, who: Visitor) -> ResponseReturnValue:
        """A public key, as it stands in its file."""
        text, name = forms.field("key", forms.LONGEST_KEY), forms.field("name").strip()
        try:
            self._own.add_key(who.principal, text, name, who.peer)
        except OperatorError as exc:
            return self._refused(who, "key", str(exc))
        return _back("key-added", "keys")

    def ask_key(self, who: Visitor, number: int) -> ResponseReturnValue:
        """Is it the right one?"""
        return render_template("key-end.html", key=_numbered(self._keys(who), number))

    def end_key(self, who: Visitor, number: int) -> ResponseReturnValue:
        """No new connection comes by it."""
        key = _numbered(self._keys(who), number)
        self._own.remove_key(who.principal, key.id, who.peer)
        return _back("key-ended", "keys")

    def sign_out_elsewhere(self, who: Visitor) -> ResponseReturnValue:
        """For whoever left a browser open, or fears that somebody else is in."""
        token = self._own.sign_out_elsewhere(who.principal, who.peer)
        return remember(make_response(_back("elsewhere", "here")), token)

    def _refused(self, who: Visitor, form: str, problem: str) -> ResponseReturnValue:
        return self._page(who, {form: problem}), HTTPStatus.UNPROCESSABLE_ENTITY

    def _page(self, who: Visitor, problems: dict[str, str] | None = None) -> str:
        devices = self._devices(who)
        return render_template(
            "account.html",
            devices=devices,
            objections={device.id: device.objection(who.peer.address, self._now()) for device in devices},
            keys=self._keys(who),
            scripts=self._own.scripts(who.principal),
            places=self._own.places(who.principal),
            notice=self._notice(who.principal),
            done=request.args.get("done", ""),
            problems=problems or {},
            typed=request.form,
        )

    def _devices(self, who: Visitor) -> list[DeviceRow]:
        return [device for device in self._own.devices(who.principal) if device.revoked_at is None]

    def _keys(self, who: Visitor) -> list[KeyRow]:
        return [key for key in self._own.keys(who.principal) if key.revoked_at is None]


def _split(networks: str) -> list[str]:
    return [network for network in re.split(r"[\s,;]+", networks) if network]


def _numbered(rows: Iterable[N], number: int) -> N:
    """The one of one's own with this number. Answers 404 where there is none, or it has ended already."""
    row = next((row for row in rows if row.id == number), None)
    if row is None:
        abort(HTTPStatus.NOT_FOUND)
    return row


def _back(done: str, anchor: str) -> ResponseReturnValue:
    return redirect(url_for("account", done=done, _anchor=anchor), HTTPStatus.SEE_OTHER)
