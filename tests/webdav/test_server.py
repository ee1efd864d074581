"""The server on real sockets: what cheroot would let happen, and does not happen here."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection

import pytest

from config.clock import SystemClock
from gateway.path import VirtualPath
from gateway.webdav.app import BLOCK_SIZE
from gateway.webdav.connection import Connection
from gateway.webdav.limits import HttpLimits
from gateway.webdav.tls import TlsFiles
from tests.support.waiting import until
from tests.webdav.harness import (
    AUTHORIZED,
    BASIC,
    BIG,
    DOCUMENT,
    FAST,
    GET,
    PDF,
    ask_over_tls,
    client_tls,
    drip,
    read_all,
    running,
    send_raw,
    status_of,
)
from tests.webdav.test_head import AMBIGUOUS


def seconds_of(act: Callable[[], object]) -> float:
    clock = SystemClock()
    begun = clock.monotonic()
    act()
    return clock.monotonic() - begun


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_head_has_one_answer_and_the_connection_ends(lines: bytes) -> None:
    with running(limits=FAST) as site:
        answer = send_raw(site, GET + lines + b"\r\n" + GET + b"\r\n")
    assert (status_of(answer), answer.count(b"HTTP/1.1 ")) == (400, 1)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " + b"a" * 5_000_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\n" + b"a" * 50, 400),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_has_one_answer(raw: bytes, status: int) -> None:
    with running(limits=FAST) as site:
        answer = send_raw(site, raw)
    assert (status_of(answer), answer.count(b"HTTP/1.1 ")) == (status, 1)


@pytest.mark.parametrize(
    ("method", "head", "status"),
    [
        ("PROPFIND", b"Content-Length: 70000\r\n", 413),
        ("PROPFIND", b"Transfer-Encoding: chunked\r\n", 411),
        ("PUT", b"Content-Length: 99999999\r\n", 403),
        ("PUT", b"Transfer-Encoding: chunked\r\n", 403),
        ("PUT", b"Content-Length: 5\r\nExpect: 100-continue\r\n", 403),
        ("POST", b"Transfer-Encoding: chunked\r\n", 405),
    ],
)
def test_a_body_that_is_not_read_has_its_answer_at_once_and_the_connection_ends(
    method: str, head: bytes, status: int
) -> None:
    start = f"{method} / HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nDepth: 0\r\n".encode()
    with running(limits=FAST) as site:
        answer = send_raw(site, start + head + b"\r\n5;ext=1\r\nhello\r\n")
    assert (status_of(answer), answer.count(b"HTTP/1.1 "), b"100 Continue" in answer) == (status, 1, False)


def test_the_answer_to_a_large_put_survives_what_the_client_still_sends() -> None:
    head = f"PUT /x HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nContent-Length: 8000000\r\n\r\n".encode()
    with running(limits=FAST) as site:
        answer = send_raw(site, head + b"x" * 8_000_000)
    assert b"cs.web@example.gov.uk" in answer


def test_a_reading_body_is_asked_for_when_the_client_waits() -> None:
    head = f"PROPFIND / HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nDepth: 0\r\nExpect: 100-continue\r\n"
    with running(limits=FAST) as site, site.connect() as client:
        client.sendall(f"{head}Content-Length: 41\r\n\r\n".encode())
        continued = client.recv(100)
        client.sendall(b'<propfind xmlns="DAV:"><propname/></propfind>'[:41])
    assert continued == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_one_connection_serves_many_requests() -> None:
    with running(limits=FAST) as site:
        client = HTTPConnection("127.0.0.1", site.port, timeout=10)
        bodies = []
        for _ in range(5):
            client.request("GET", DOCUMENT, headers=AUTHORIZED)
            bodies.append(client.getresponse().read())
        client.close()
    assert bodies == [PDF] * 5


def test_pipelined_requests_are_answered_in_turn() -> None:
    with running(limits=FAST) as site:
        answer = send_raw(site, (GET + b"\r\n") * 2 + GET + b"Connection: close\r\n\r\n")
    assert answer.count(PDF) == 3


def test_no_answer_tells_a_version() -> None:
    with running(limits=FAST) as site:
        answers = [send_raw(site, raw) for raw in (GET + b"Connection: close\r\n\r\n", b"x\r\n\r\n")]
    assert not [word for word in (b"heroot", b"ython", b"sgi") for answer in answers if word in answer.split(PDF)[0]]


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_old_http_is_answered_and_ended(method: str) -> None:
    with running(limits=FAST) as site:
        answer = send_raw(site, f"{method} / HTTP/1.0\r\nAuthorization: {BASIC}\r\n\r\n".encode())
    assert status_of(answer) in (200, 405)


def test_a_dripped_head_ends_at_its_deadline() -> None:
    with running(limits=FAST) as site:
        assert status_of(drip(site, GET + b"X-A: " + b"a" * 400)) == 408


def test_a_dripped_body_ends_at_its_deadline() -> None:
    head = f"PROPFIND / HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\nContent-Length: 400\r\n\r\n".encode()
    with running(limits=FAST) as site, site.connect() as client:
        client.sendall(head)
        pause = threading.Event()
        sender = threading.Thread(target=_trickle, args=(client, pause))
        sender.start()
        answer = read_all(client)
        pause.set()
        sender.join()
    assert status_of(answer) == 408


def _trickle(client: socket.socket, pause: threading.Event) -> None:
    while not pause.wait(0.05):
        try:
            client.sendall(b"a")
        except OSError:
            return


def test_a_silent_connection_ends_without_an_answer() -> None:
    with running(limits=FAST) as site, site.connect() as client:
        assert read_all(client) == b""


def test_a_silent_connection_holds_no_thread() -> None:
    with running(limits=replace(FAST, header_seconds=30)) as site, ExitStack() as held:
        for _ in range(20):
            held.enter_context(site.connect())
        assert until(lambda: len(site.server.server.lobby._inside) == 20)
        assert site.server.server.lobby.busy == 0


def test_whoever_reads_too_slowly_is_cut_off() -> None:
    with running(limits=FAST) as site, site.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET {BIG} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n\r\n".encode() * 20)
        assert until(lambda: site.door.fs.handles != [] and site.door.fs.open_handles == 0)


def test_drips_from_many_connections_leave_threads_for_others() -> None:
    limits = replace(FAST, threads=8, header_seconds=30, lobby_per_prefix=2)
    with running(limits=limits) as site, ExitStack() as held:
        for _ in range(16):
            held.enter_context(site.connect()).sendall(b"GET / HT")
        assert site.ask("GET", DOCUMENT).body == PDF


def test_among_those_who_drip_the_oldest_goes() -> None:
    limits = replace(FAST, header_seconds=30, lobby_per_prefix=1, lobby_grace=0.0)
    with running(limits=limits) as site, site.connect() as oldest:
        oldest.sendall(b"GET / HT")
        assert until(lambda: site.server.server.lobby.busy == 1)
        with site.connect() as next_one:
            next_one.sendall(b"GET / HT")
            assert read_all(oldest) == b""


def test_whoever_signed_in_is_no_guest_of_the_lobby() -> None:
    with running(limits=FAST) as site:
        client = HTTPConnection("127.0.0.1", site.port, timeout=10)
        client.request("GET", DOCUMENT, headers=AUTHORIZED)
        client.getresponse().read()
        inside = len(site.server.server.lobby._inside)
        client.close()
    assert inside == 0


def test_a_silent_tls_connection_stalls_nobody(tls_files: TlsFiles) -> None:
    limits = replace(FAST, handshake_seconds=30, header_seconds=30)
    with running(limits=limits, tls=tls_files) as site, site.connect(), site.connect() as half:
        half.sendall(b"\x16\x03\x01")
        assert seconds_of(lambda: ask_over_tls(site)) < 5


def test_a_document_comes_whole_over_tls(tls_files: TlsFiles) -> None:
    with running(limits=FAST, tls=tls_files) as site:
        assert ask_over_tls(site).endswith(PDF)


def test_an_unfinished_handshake_ends(tls_files: TlsFiles) -> None:
    with running(limits=FAST, tls=tls_files) as site, site.connect() as client:
        client.sendall(b"\x16\x03\x01\x02\x00")
        assert read_all(client) == b""


def test_handshakes_that_never_end_give_way_to_the_next(tls_files: TlsFiles) -> None:
    limits = replace(FAST, handshake_seconds=30, header_seconds=30)
    with running(limits=limits, tls=tls_files) as site, ExitStack() as held:
        for _ in range(limits.threads):
            held.enter_context(site.connect()).sendall(b"\x16\x03\x01")
        assert ask_over_tls(site).endswith(PDF)


def test_plain_http_on_the_tls_port_is_told_so(tls_files: TlsFiles) -> None:
    with running(limits=FAST, tls=tls_files) as site:
        answer = send_raw(site, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status_of(answer) == 400 and b"https://" in answer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(tls_files: TlsFiles, version: ssl.TLSVersion) -> None:
    context = client_tls()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with running(limits=FAST, tls=tls_files) as site, pytest.raises(ssl.SSLError), site.connect() as client:
        context.wrap_socket(client)


def test_keep_alive_works_over_tls(tls_files: TlsFiles) -> None:
    with running(limits=FAST, tls=tls_files) as site, client_tls().wrap_socket(site.connect()) as client:
        client.sendall(GET + b"\r\n")
        first = client.recv(65536)
        while PDF not in first:
            first += client.recv(65536)
        client.sendall(GET + b"Connection: close\r\n\r\n")
        assert read_all(client).endswith(PDF)


def test_an_error_within_a_document_ends_the_connection_short() -> None:
    with running(limits=FAST) as site:
        fs = site.door.fs
        original = fs.note
        seen: list[str] = []

        def note(verb: str, path: VirtualPath) -> None:
            seen.append(verb)
            if seen.count("pread") == 2:
                raise RuntimeError("the store went away")
            original(verb, path)

        fs.note = note  # type: ignore[method-assign]
        answer = send_raw(site, f"GET {BIG} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n\r\n".encode())
    assert (status_of(answer), len(answer) < BLOCK_SIZE + 10_000, answer.count(b"HTTP/1.1 ")) == (200, True, 1)


def test_stopping_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with running(limits=FAST) as site:
        site.ask("GET", DOCUMENT)
    assert until(lambda: not [each for each in set(threading.enumerate()) - before if each.is_alive()])


def test_stopping_does_not_wait_for_a_client_that_stalls() -> None:
    with running(limits=replace(FAST, rate_seconds=600)) as site:
        site.server.server.shutdown_timeout = 0.2
        client = site.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET {BIG} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n\r\n".encode() * 20)
        assert until(lambda: site.door.fs.open_handles == 1)
        assert seconds_of(site.server.stop) < 5
        client.close()


def test_a_connection_given_back_while_the_server_ends_is_closed() -> None:
    with running(limits=FAST) as site:
        server = site.server.server
        site.server.stop()
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()) as ours,
        ):
            theirs, (address, _) = listener.accept()
            connection = Connection(server, theirs)
            connection.remote_addr = address
            server._connections.put(connection)
            assert (theirs.fileno(), ours.recv(1)) == (-1, b"")


def test_the_limits_reach_cheroot() -> None:
    limits = HttpLimits(threads=8)
    with running(limits=limits) as site:
        server = site.server.server
        assert (server.keep_alive_conn_limit, server.request_queue_size, server.requests.min, server.requests.max) == (
            limits.keep_alive_connections,
            limits.backlog,
            8,
            8,
        )


def test_the_defaults_are_those_of_the_house() -> None:
    limits = HttpLimits()
    assert (limits.threads, limits.lobby_threads, limits.lobby_per_prefix, limits.header_seconds) == (96, 24, 8, 10)
    assert (limits.keep_alive_connections >= 200, limits.backlog, limits.header_bytes, limits.body_bytes) == (
        True,
        128,
        16384,
        65536,
    )
    assert (limits.requests_per_account, limits.rate_bytes / limits.rate_seconds) == (8, 16384)


def test_a_dual_stack_peer_is_its_ipv4_address() -> None:
    with running(limits=FAST) as site, site.connect() as client:
        connection = Connection(site.server.server, client)
        connection.remote_addr = "::ffff:192.0.2.7"
    assert (connection.remote_addr, connection.prefix) == ("192.0.2.7", "192.0.2.7/32")


def test_whose_places_are_taken_waits_for_a_turn() -> None:
    limits = replace(FAST, threads=8, requests_per_account=2)
    statuses: list[int] = []
    with running(limits=limits) as site:
        askers = [threading.Thread(target=lambda: statuses.append(site.ask("GET", DOCUMENT).status)) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert statuses == [200] * 4
