"""A request through a trusted proxy gets the answer that it gets without one (docs/proxy.md)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPSConnection

import pytest
from flask import Flask

from gateway.webdav.tls import TlsFiles
from tests.webdav.harness import AUTHORIZED, CSV, DOCUMENT, SEND, Reply, Site, client_tls, running

CLIENT = "203.0.113.9"
ADDED = f"X-Forwarded-For: {CLIENT}\r\nX-Forwarded-Proto: https\r\n\r\n".encode()
HOST = {"Host": "documents.example.gov.uk"}
WHEN = {"If-Modified-Since": "Tue, 03 Nov 2026 09:30:00 GMT"}
ALLPROP = b'<propfind xmlns="DAV:"><allprop/></propfind>'
PATCH = b'<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>'
WRONG = {"Authorization": "Basic eDp5"}

REQUESTS: Mapping[str, tuple[str, str, dict[str, str], bytes | None]] = {
    "a document": ("GET", DOCUMENT, AUTHORIZED, None),
    "its head": ("HEAD", DOCUMENT, AUTHORIZED, None),
    "a part of it": ("GET", DOCUMENT, {**AUTHORIZED, "Range": "bytes=5-9"}, None),
    "a part beyond it": ("GET", DOCUMENT, {**AUTHORIZED, "Range": "bytes=999999-"}, None),
    "an unchanged one": ("GET", CSV, {**AUTHORIZED, **WHEN}, None),
    "a folder's page": ("GET", SEND, AUTHORIZED, None),
    "a listing": ("PROPFIND", SEND, {**AUTHORIZED, "Depth": "1"}, ALLPROP),
    "a listing of everything": ("PROPFIND", "/", {**AUTHORIZED, "Depth": "infinity"}, None),
    "the abilities": ("OPTIONS", "/", AUTHORIZED, None),
    "a name with everything in it": ("GET", f"{SEND}%C3%89lan%20review%20%26%20notes.docx", AUTHORIZED, None),
    "a name that is not there": ("GET", f"{SEND}%2e%2e%2fnothing", AUTHORIZED, None),
    "a write": ("PUT", f"{SEND}new.txt", AUTHORIZED, b"new"),
    "a properties' change": ("PROPPATCH", DOCUMENT, AUTHORIZED, PATCH),
    "a lock": ("LOCK", DOCUMENT, AUTHORIZED, None),
    "an unknown method": ("INVENTED", DOCUMENT, AUTHORIZED, None),
    "nobody": ("PROPFIND", "/", {}, None),
    "a wrong password": ("GET", DOCUMENT, WRONG, None),
    "a browser at the door": ("GET", "/", {"Accept": "text/html"}, None),
    "the start page": ("GET", "/portal/", {}, None),
    "a page that is not there": ("GET", "/portal/none", {}, None),
}


@contextmanager
def proxy_to(site: Site) -> Iterator[int]:
    """A proxy's port: it adds its two headers to the head of each connection's one request."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the listener is shut at the end
            while True:
                client, _ = listener.accept()
                with client, site.connect() as server:
                    _carry(client, server)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _carry(client: socket.socket, server: socket.socket) -> None:
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    head, _, body = head.partition(b"\r\n\r\n")
    server.sendall(head + b"\r\nConnection: close\r\n" + ADDED + body)
    back = threading.Thread(target=_pass_on, args=(client, server))
    back.start()
    _pass_on(server, client)
    client.shutdown(socket.SHUT_RDWR)
    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def ask(client: HTTPConnection, request: tuple[str, str, dict[str, str], bytes | None]) -> Reply:
    method, path, headers, body = request
    try:
        client.request(method, path, body, {**HOST, **headers})
        answer = client.getresponse()
        said = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, {n: v for n, v in said.items() if n not in ("date", "connection")}, answer.read())
    finally:
        client.close()


@pytest.fixture(scope="module")
def direct(tls_files: TlsFiles, pages: Flask) -> Iterator[Site]:
    with running(tls=tls_files, pages=pages) as site:
        yield site


@pytest.fixture(scope="module")
def behind(pages: Flask) -> Iterator[Site]:
    with running(proxies=["127.0.0.1/32"], pages=pages) as site:
        yield site


@pytest.fixture(scope="module")
def proxy(behind: Site) -> Iterator[int]:
    with proxy_to(behind) as port:
        yield port


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_through_a_proxy_is_the_direct_one(direct: Site, proxy: int, name: str) -> None:
    straight = ask(HTTPSConnection("127.0.0.1", direct.port, timeout=10, context=client_tls()), REQUESTS[name])
    assert ask(HTTPConnection("127.0.0.1", proxy, timeout=10), REQUESTS[name]) == straight


def test_whoever_asks_through_a_proxy_is_known_by_their_own_address(behind: Site, proxy: int) -> None:
    ask(HTTPConnection("127.0.0.1", proxy, timeout=10), REQUESTS["a document"])
    assert behind.door.asked[-1][1].address == CLIENT
