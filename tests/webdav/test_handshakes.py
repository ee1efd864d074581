"""TLS handshakes that stop half-way: they cost their neighbours of the same address neither a thread nor a place."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest

from gateway.webdav.connection import Connection
from gateway.webdav.tls import TlsFiles
from tests.support.waiting import until
from tests.webdav.harness import DOCUMENT, FAST, PDF, Site, ask_over_tls, client_tls, drip, running
from tests.webdav.test_lobby import House

# One thread for strangers, and none gives way while the test runs.
NARROW = replace(FAST, threads=4, handshake_seconds=60, header_seconds=60, lobby_grace=60)


def _hello() -> tuple[bytes, ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """What a client says first, and the client."""
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_tls().wrap_bio(arriving, leaving)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return leaving.read(), client, arriving, leaving


def _begun(site: Site) -> int:
    """How many handshakes the server has begun and awaits the rest of."""
    return sum(each._handshake_until is not None for each in list(site.server.server.lobby._inside))


@pytest.mark.parametrize("sent", [b"\x16", b"\x16\x03\x01", _hello()[0][:-1], _hello()[0]], ids=len)
def test_a_handshake_that_stops_holds_no_thread(tls_files: TlsFiles, sent: bytes) -> None:
    with running(limits=NARROW, tls=tls_files) as site, ExitStack() as held:
        for _ in range(20):
            held.enter_context(site.connect()).sendall(sent)
        assert ask_over_tls(site).endswith(PDF)


def test_a_finished_handshake_without_a_request_holds_no_thread(tls_files: TlsFiles) -> None:
    with running(limits=NARROW, tls=tls_files) as site, ExitStack() as held:
        for _ in range(20):
            held.enter_context(client_tls().wrap_socket(site.connect()))
        assert ask_over_tls(site).endswith(PDF)


def test_a_handshake_in_pieces_is_taken_up_where_it_was(tls_files: TlsFiles) -> None:
    hello, tls, arriving, leaving = _hello()
    with running(limits=NARROW, tls=tls_files) as site, site.connect() as client:
        client.sendall(hello[:10])
        assert until(lambda: _begun(site) == 1)
        client.sendall(hello[10:])
        while tls.version() is None:
            arriving.write(client.recv(65536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
        tls.write(f"GET {DOCUMENT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        client.sendall(leaving.read())
        assert client.recv(1) != b""


def test_a_dripped_handshake_ends_at_its_deadline(tls_files: TlsFiles) -> None:
    with running(limits=FAST, tls=tls_files) as site:
        assert drip(site, b"\x16\x03\x01\x02\x00" + b"\x01" * 400) == b""


def test_the_first_to_go_among_too_many_is_one_that_still_shakes_hands() -> None:
    house = House()
    done, shaking = house.callers("a", "a")
    shaking.shakes_hands = True
    house.callers("a", "a")
    assert (done.was_cut, shaking.was_cut) == (False, True)


def test_at_the_end_a_thread_that_turned_away_leaves_the_connection_to_the_one_that_has_it() -> None:
    with running(limits=FAST) as site:
        server = site.server.server
        site.server.stop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
            theirs, (address, _) = listener.accept()
            with theirs:
                connection = Connection(server, theirs)
                connection.remote_addr = address
                connection.parked.add(threading.get_ident())
                server.put_conn(connection)
                assert theirs.fileno() != -1
