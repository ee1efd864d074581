"""Answers of our own: a status, headers and a short body, sent as WSGI wants them. Pure values, thread-safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Headers: TypeAlias = tuple[tuple[str, str], ...]

# No browser ever runs, frames, guesses or keeps what was meant for one person. A page of ours is not sandboxed: the
# downloads that its links begin would be forbidden to it.
_COMMON: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
)
DOCUMENT_HEADERS: Headers = (*_COMMON, ("Content-Security-Policy", "sandbox; default-src 'none'"))
ANSWER_HEADERS: Headers = (
    *_COMMON,
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole. `headers` stand beside Content-Length and `ANSWER_HEADERS`."""

    status: HTTPStatus
    headers: Headers = ()
    body: bytes = b""

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI way of saying it; a HEAD request gets the headers alone."""
        headers = [*self.headers, *ANSWER_HEADERS]
        if self.status not in (HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT):
            headers.append(("Content-Length", str(len(self.body))))
        start_response(f"{self.status.value} {self.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def text(status: HTTPStatus, sentence: str, *headers: tuple[str, str]) -> Answer:
    """One sentence: some clients print the body of a refusal whole."""
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), f"{sentence}\n".encode())


def html(status: HTTPStatus, page: str) -> Answer:
    """A page."""
    return Answer(status, (("Content-Type", "text/html; charset=utf-8"),), page.encode())


def xml(status: HTTPStatus, document: str) -> Answer:
    """An XML document, without its declaration."""
    body = f'<?xml version="1.0" encoding="utf-8"?>\n{document}'.encode()
    return Answer(status, (("Content-Type", "application/xml; charset=utf-8"),), body)
