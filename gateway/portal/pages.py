"""The pages, put together: a Flask application that the HTTP server mounts at `/portal`.

Made by the server, once in the process that serves HTTPS. Nobody who has not signed in reaches a page that does not say
it is for strangers; every page works without scripts. No session of Flask's is used, and `Authorization` is not read.
Thread-safe.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from auth.principal import Principal
from gateway.about import TERMS
from gateway.enrolment import NotAccepted
from gateway.faults import tell
from gateway.portal import words
from gateway.portal.account import AccountPages
from gateway.portal.addresses import Addresses
from gateway.portal.advice import Adviser
from gateway.portal.colleagues import ColleaguePages
from gateway.portal.copies import CopyPages
from gateway.portal.forms import SEAL
from gateway.portal.gate import Gate, Visits
from gateway.portal.links import LinkPages
from gateway.portal.own import OwnPages
from gateway.portal.routes import Route, add_to
from gateway.portal.signing import SigningPages
from gateway.portal.signs import Signs
from gateway.portal.visitor import whoever
from gateway.services import Services
from policy.access import HEADTEACHER
from policy.roster import belongings

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # under no-referrer browsers send `Origin: null`, and older ones send no more
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_BY_HTTPS_FROM_NOW_ON = ("Strict-Transport-Security", "max-age=31536000")
_KEPT_FOR_EVER = "public, max-age=31536000, immutable"
_RETRY_AFTER = ("Retry-After", "30")
_ERROR_PAGES = {HTTPStatus.NOT_FOUND: "not-found.html", HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-much.html"}


def make_pages(signs: Signs, services: Services) -> Flask:
    """The WSGI application of the pages."""
    app = Flask(__name__, static_folder=str(_STATIC), static_url_path="/static")
    body = services.settings.http.body_bytes
    app.config.update(PROPAGATE_EXCEPTIONS=False, MAX_CONTENT_LENGTH=body, MAX_FORM_MEMORY_SIZE=body, MAX_FORM_PARTS=50)
    app.url_map.merge_slashes = False  # it answers a redirection to whatever Host says
    _speak(app, signs, idle=services.settings.auth.page_idle_minutes)
    visits = Visits(services.authenticator, lambda principal: _is_head(services, principal))
    routes = _routes(signs, services, visits)
    add_to(app, routes)
    gate = Gate(
        visits,
        for_strangers={route.name for route in routes if route.for_strangers},
        own_origins=frozenset(filter(None, [services.settings.service.url])),
    )
    app.before_request(gate.enter)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(NotAccepted, _ended)
    app.register_error_handler(Exception, _failed)
    app.after_request(_guard)
    return app


def _routes(signs: Signs, services: Services, visits: Visits) -> tuple[Route, ...]:
    addresses = Addresses(signs.https_port)
    adviser = Adviser(services.core.passwords, services.settings.password.guidance_url)

    def start() -> str:
        host, drive = addresses.here()
        return render_template("start.html", host=host, drive=drive)

    def notice(principal: Principal) -> str | None:
        with services.database.read() as connection:
            return services.doors.notice(connection, principal, services.clock.now())

    return (
        Route("GET", "/", "start", start, for_strangers=True),
        *SigningPages(services.authenticator, services.enrolment, services.own, visits).routes(),
        *LinkPages(services.enrolment, adviser).routes(),
        *AccountPages(services.own, addresses, services.clock.now, notice).routes(),
        *OwnPages(services.own, adviser).routes(),
        *ColleaguePages(services.own).routes(),
        *CopyPages(services).routes(),
    )


def _speak(app: Flask, signs: Signs, *, idle: int) -> None:
    """What every template knows."""
    versions = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in _STATIC.iterdir()}

    def asset(name: str) -> str:
        """The address of a file that changes with its content: browsers ask for it once."""
        return url_for("static", filename=name, v=versions[name])

    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(moment=words.moment, day=words.day, program=words.program, in_groups=words.in_groups)
    env.globals.update(asset=asset, seal_field=SEAL, signs=signs, contact=signs.contact, terms=TERMS, idle=idle)
    app.context_processor(lambda: {"visitor": whoever()})


def _is_head(services: Services, principal: Principal) -> bool:
    with services.database.read() as connection:
        held = belongings(connection, principal.account_id, services.clock.now())
    return any(belonging.role == HEADTEACHER for belonging in held)


def _refused(error: HTTPException) -> ResponseReturnValue:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _not_now()
    kept = [header for header in error.get_headers() if header[0] == "Allow"]
    return render_template(_ERROR_PAGES.get(HTTPStatus(code), "not-served.html")), code, kept


def _ended(error: NotAccepted) -> ResponseReturnValue:
    """The session ended between the gate and the act, which did not happen."""
    return redirect(url_for("sign_in"), HTTPStatus.SEE_OTHER)


def _failed(error: Exception) -> ResponseReturnValue:
    """Our own fault: the person is told to come again, the log is told why."""
    tell(error)
    return _not_now()


def _not_now() -> ResponseReturnValue:
    return render_template("not-now.html"), HTTPStatus.SERVICE_UNAVAILABLE, [_RETRY_AFTER]


def _guard(response: Response) -> Response:
    response.headers.extend(_HEADERS)
    if request.scheme == "https":
        response.headers.set(*_BY_HTTPS_FROM_NOW_ON)
    response.headers["Cache-Control"] = _caching()
    return response


def _caching() -> str:
    """What holds a secret, or says who was here, is kept nowhere."""
    if request.endpoint == "static":
        return _KEPT_FOR_EVER if "v" in request.args else "no-cache"
    return "no-cache" if request.endpoint == "start" else "no-store"
