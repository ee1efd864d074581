"""Strangers in a crowd: those who hold a place and say nothing, or say nonsense, cost the others no second."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from auth.principal import Door
from config.clock import SystemClock
from tests.support.county import HOST, County
from tests.support.drives import Drive, dav_drive, sftp_drive
from tests.support.waiting import until

STRANGERS = 60
PATIENCE = 1.0
SAMPLES = 20


@pytest.mark.parametrize(
    "says", [b"", b"\x16\x03\x01", b"SSH-2.0-x\r\n" + b"\0" * 64, b"GET / HTTP/1.1\r\nHost: x\r\nX: "]
)
def test_people_are_served_among_strangers(troubled: County, says: bytes) -> None:
    person = troubled["nightly"]
    with ExitStack() as stack:
        for port in (troubled.sftp_port, troubled.https_port):
            for number in range(STRANGERS):
                source = (f"127.0.4.{number % 8 + 1}", 0)
                stranger = stack.enter_context(socket.create_connection((HOST, port), 5, source))
                stranger.sendall(says)
        clock, began = SystemClock(), SystemClock().monotonic()
        drives: tuple[Drive, ...] = (
            stack.enter_context(sftp_drive(troubled, person)),
            stack.enter_context(dav_drive(troubled, person)),
        )
        signed_in = clock.monotonic() - began
        taken = []
        for drive in drives:
            for _ in range(SAMPLES):
                began = clock.monotonic()
                drive.listing("/")
                taken.append(clock.monotonic() - began)
    assert sorted(taken)[-2] < PATIENCE
    assert signed_in < 5


def test_the_server_holds_nothing_of_those_who_left(troubled: County) -> None:
    person = troubled["nightly"]
    before = descriptors(troubled)
    for _ in range(STRANGERS):
        socket.create_connection((HOST, troubled.sftp_port), 5).close()
        socket.create_connection((HOST, troubled.https_port), 5).close()
    with sftp_drive(troubled, person) as drive:
        assert drive.door is Door.SFTP
    assert until(lambda: descriptors(troubled) <= before + 8)


def descriptors(county: County) -> int:
    """How many files and sockets all processes of the server have open."""
    parent = county.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (parent, *children))
