"""The start page: what this is and how to connect, for whoever opens the address in a browser.

Made by the server, once in the process that serves HTTPS; a WSGI application mounted at `/portal`. It knows nobody: no
cookie is set, no credential is read, and every page works without scripts. Thread-safe.
"""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from gateway.portal.signs import Signs

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_RETRY_AFTER = ("Retry-After", "30")


def make_pages(signs: Signs) -> Flask:
    """The WSGI application of the pages."""
    app = Flask(__name__, static_folder=str(Path(__file__).parent / "static"), static_url_path="/static")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(lambda: {"signs": signs, "contact": signs.contact})

    @app.get("/")
    def start() -> str:
        host, drive = addresses(signs)
        return render_template("start.html", host=host, drive=drive)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[str, int, list[tuple[str, str]]]:
        if (error.code or 500) >= 500:
            return render_template("not-now.html"), 503, [_RETRY_AFTER]
        kept = [header for header in error.get_headers() if header[0] == "Allow"]
        template = "not-found.html" if error.code == 404 else "not-served.html"
        return render_template(template), error.code or 400, kept

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers.extend(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    return app


def addresses(signs: Signs) -> tuple[str, str]:
    """The host by which the caller reached us, and the address of the drive there.

    Whoever came by https came to the drive's own port; plain HTTP is served beside it.
    """
    match = _HOST.fullmatch(request.host)
    host, port = (match[1], match[2]) if match is not None else ("this-server", None)
    if request.scheme != "https":
        port = str(signs.https_port)
    return host, f"https://{host}/" if port in (None, "443") else f"https://{host}:{port}/"
