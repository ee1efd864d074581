"""The outermost WSGI application: the pages below `/portal/`, the drive everywhere else.

A browser that asks for `/portal` is led to the pages; to any other method that is a name which the drive does not hold.

Made by `server.make_http_server`. Everything that reaches the drive has signed in; everything that signs in came over a
private way. Pages never see `Authorization`, the drive never sees cookies. Thread-safe. Never raises before the answer
has begun; afterwards an error ends the connection, so that a cut document cannot pass for a whole one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias
from unicodedata import normalize

from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from auth.principal import Door, Peer
from gateway.errors import NotFound
from gateway.path import VirtualPath
from gateway.quiet import is_quiet
from gateway.webdav import methods
from gateway.webdav.answers import Answer, Environ, StartResponse, text
from gateway.webdav.basic import Networks, parse_basic, scheme_of, way_of
from gateway.webdav.call import KEY, Call, call_of
from gateway.webdav.door import Admitted, Doorkeeper
from gateway.webdav.errors import answer_for
from gateway.webdav.provider import Drive
from gateway.webdav.turnstile import Turnstile

log = logging.getLogger(__name__)

Wsgi: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

PORTAL = "/portal"
BLOCK_SIZE = 512 * 1024  # measured: a quarter less processor time than at half of it, and no more at twice (bench P8)

_WSGIDAV: dict[str, Any] = {
    "middleware_stack": [RequestResolver],
    "lock_storage": False,
    "property_manager": None,
    "dir_browser": {"enable": False},
    "http_authenticator": {"accept_basic": False, "accept_digest": False, "default_to_digest": False},
    "suppress_version_info": True,
    "block_size": BLOCK_SIZE,
    "logging": {"enable": False},
    "verbose": 0,
}
logging.getLogger("wsgidav").setLevel(logging.WARNING)  # it tells each request for "/" at INFO
_INSECURE = "This drive is reached by https only. Please use an address that begins with https://"
_NAMELESS = "The proxy in front of this drive does not say for whom it asks. Please tell its administrator."
_BUSY = "Too many requests of this account are running. Please try again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Signpost:
    """What strangers are told: the realm, and whom to ask."""

    realm: str
    support: str


class Application:
    """The WSGI application. `pages` is mounted at `/portal`."""

    def __init__(
        self, *, door: Doorkeeper, pages: Wsgi, turnstile: Turnstile, proxies: Networks, signpost: Signpost
    ) -> None:
        self._door = door
        self._pages = pages
        self._turnstile = turnstile
        self._proxies = proxies
        self._library: Wsgi = WsgiDAVApp({"provider_mapping": {"/": Drive()}, **_WSGIDAV})
        self._unauthorized = _unauthorized(signpost)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == PORTAL and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return Answer(HTTPStatus.PERMANENT_REDIRECT, (("Location", f"{PORTAL}/"),)).send(environ, start_response)
        if path.startswith(f"{PORTAL}/"):
            environ.pop("HTTP_AUTHORIZATION", None)
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = PORTAL, path.removeprefix(PORTAL)
            way = way_of(environ, self._proxies)
            environ["ladocs.address"], environ["ladocs.private"] = way.address, way.private
            environ["wsgi.url_scheme"] = scheme_of(environ, self._proxies)
            return self._pages(environ, start_response)
        environ.pop("HTTP_COOKIE", None)
        environ["QUERY_STRING"] = ""
        try:
            return self._drive(environ, start_response)
        except Exception as exc:  # noqa: BLE001 - the outermost frame: the one table of errors answers whatever it is
            return answer_for(exc).send(environ, start_response)

    def _drive(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        admitted = self._admit(environ)
        if isinstance(admitted, Answer):
            return admitted.send(environ, start_response)
        if (connection := environ.get("ladocs.connection")) is not None:
            connection.signed_in(admitted.account_id, is_service=admitted.is_service)
        if not self._turnstile.enter(admitted.account_id):
            return text(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY, ("Retry-After", "1")).send(environ, start_response)
        served = _Served(lambda: self._leave(admitted, environ))
        try:
            served.begin(self._serve(admitted, environ, served.start_response), start_response)
        except BaseException:
            served.close()
            raise
        return served

    def _leave(self, admitted: Admitted, environ: Environ) -> None:
        try:
            if KEY in environ:
                call_of(environ).close()
        finally:
            self._turnstile.leave(admitted.account_id)

    def _admit(self, environ: Environ) -> Admitted | Answer:
        """Who asks, or the answer to whoever has not signed in."""
        way = way_of(environ, self._proxies)
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is None and _is_browser_at_the_door(environ):
            return Answer(HTTPStatus.FOUND, (("Location", f"{PORTAL}/"),))
        if not way.private:
            return text(HTTPStatus.FORBIDDEN, _INSECURE)
        if way.address is None:
            log.warning(
                "refused a request of the trusted proxy %s: X-Forwarded-For names no client: %.100r",
                environ["REMOTE_ADDR"],
                environ.get("HTTP_X_FORWARDED_FOR", ""),
            )
            return text(HTTPStatus.BAD_REQUEST, _NAMELESS)
        credentials = parse_basic(authorization) if authorization is not None else None
        if credentials is None:
            return self._unauthorized
        peer = Peer(address=way.address, door=Door.WEBDAV, client=environ.get("HTTP_USER_AGENT", "")[:200])
        return self._door.admit(credentials, peer) or self._unauthorized

    def _serve(self, admitted: Admitted, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to somebody who has signed in. Raises FSError, wsgidav's errors."""
        method = environ["REQUEST_METHOD"]
        if environ["PATH_INFO"] == "*":
            return methods.server_options().send(environ, start_response)
        path = VirtualPath.parse(environ["PATH_INFO"].encode("latin-1"))
        call = Call(admitted.fs, path, environ["wsgi.input"].read())
        if (refused := methods.refusal(method, call, environ)) is not None:
            return refused.send(environ, start_response)
        if is_quiet(path):
            raise NotFound
        environ[KEY] = call
        environ["PATH_INFO"] = str(path).encode().decode("latin-1")
        environ["wsgidav.auth.user_name"] = str(admitted.account_id)
        return self._library(environ, start_response)


class _Served:
    """An answer whose first block is there, so that whatever can fail has failed as a status."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release
        self._status, self._headers = "", [("Content-Length", "0")]
        self._blocks: Iterator[bytes] = iter(())
        self._first = b""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        """What wsgidav is given: nothing is sent yet."""
        self._status, self._headers = status, headers

    def begin(self, blocks: Iterable[bytes], start_response: StartResponse) -> None:
        """Take the first block, then say status and headers. Raises whatever the application raises."""
        self._blocks = iter(blocks)
        self._first = next(self._blocks, b"")
        if self._status.startswith("304"):
            # wsgidav ends the connection after an answer without a length; a 304 has none.
            self._headers = [header for header in self._headers if header[0] != "Connection"]
        start_response(self._status, self._headers)

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._blocks

    def close(self) -> None:
        """Let go of handle and place. Idempotent; the server calls it whatever happens."""
        release, self._release = self._release, None
        if release is not None:
            try:
                if (close := getattr(self._blocks, "close", None)) is not None:
                    close()
            finally:
                release()


def _is_browser_at_the_door(environ: Environ) -> bool:
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and environ["PATH_INFO"] == "/"
        and "text/html" in environ.get("HTTP_ACCEPT", "").lower()
    )


def _unauthorized(signpost: Signpost) -> Answer:
    """The one 401, whatever was wrong [R16]. A header holds no letter beyond Latin-1, and few clients read those."""
    realm = normalize("NFKD", signpost.realm).encode("ascii", "ignore").decode().replace("\\", "").replace('"', "")
    sentence = (
        "Not accepted. Drives need a device password, which is made for one device and is not the password of your"
        f" account. Sign in at {PORTAL}/ on this server to make one. {signpost.support}"
    )
    return text(HTTPStatus.UNAUTHORIZED, sentence, ("WWW-Authenticate", f'Basic realm="{realm}"'))
