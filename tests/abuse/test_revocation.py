"""What is taken away by a command reaches open sessions, open handles and drives within five seconds [R19].

And nothing else than that: what somebody else holds, and what the same person holds otherwise, stays open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.support.county import County
from tests.support.drives import Absent, DavDrive, Forbidden, Obstacle, SftpDrive, dav_drive, sftp_drive
from tests.support.story import ASHBY, BIG, SEND, Person
from tests.support.waiting import until

WITHIN = 5.0


@contextmanager
def both(county: County, person: Person) -> Iterator[tuple[SftpDrive, DavDrive]]:
    with sftp_drive(county, person) as sftp, dav_drive(county, person) as dav:
        yield sftp, dav


def ends(act: Callable[[], object], *refusals: type[Exception]) -> bool:
    """Whether `act` is refused in time, in one of these ways."""

    def refused() -> bool:
        try:
            act()
        except refusals:
            return True
        return False

    return until(refused, WITHIN)


def test_leaving_a_school_ends_listings_drives_and_open_handles(troubled: County) -> None:
    person, letter = troubled["r.reader1"], troubled.letter(BIG)
    path = letter.path(person)
    with both(troubled, person) as (sftp, dav), sftp.client.open(path.encode(), "r") as file:
        assert file.read(1000) == dav.read(path, 0, 1000) == letter.data[:1000]
        troubled.command("account", "revoke", person.username, "--school", ASHBY)
        assert ends(lambda: sftp.listing(person.root(ASHBY)), Absent, Obstacle)
        assert ends(lambda: dav.listing(person.root(ASHBY)), Absent, Forbidden)
        assert ends(partial(file.read, 1000), OSError)


def test_ending_a_category_ends_that_one_alone(troubled: County) -> None:
    person = troubled["r.reader2"]
    send, general = troubled.letter("EHCP review timetable.pdf").path(person), troubled.letter(BIG).path(person)
    with both(troubled, person) as drives:
        assert all(drive.read(send, 0, 1) and drive.read(general, 0, 1) for drive in drives)
        troubled.command("account", "revoke", person.username, "--school", ASHBY, "--category", SEND)
        for drive in drives:
            assert ends(partial(drive.read, send, 0, 1), Absent)
            assert ends(partial(drive.stat, send), Absent)
            assert drive.read(general, 0, 1)


def test_a_revoked_device_password_ends_the_drive_and_not_the_person(troubled: County) -> None:
    person = troubled["r.reader3"]
    [device] = json.loads(troubled.command("device", "list", person.username, "--json"))
    with both(troubled, person) as (sftp, dav):
        assert dav.listing("/") == sftp.listing("/")
        troubled.command("device", "revoke", person.username, str(device["id"]))
        assert until(lambda: dav.ask("OPTIONS", "/")[0] == 401, WITHIN)
        assert sftp.listing("/")


def test_a_reset_password_closes_the_idle_connection_that_it_opened_and_leaves_the_drive(troubled: County) -> None:
    person = troubled["r.reader5"]
    with both(troubled, person) as (sftp, dav):
        assert dav.listing("/") == sftp.listing("/")
        troubled.command("account", "password-reset", person.username)
        assert until(lambda: not sftp.transport.is_active(), WITHIN)
        assert dav.listing("/")


def test_who_has_left_is_disconnected_and_the_drive_is_refused(troubled: County) -> None:
    person = troubled["r.reader6"]
    with both(troubled, person) as (sftp, dav):
        assert dav.listing("/") == sftp.listing("/")
        troubled.command("account", "leave", person.username)
        assert until(lambda: not sftp.transport.is_active(), WITHIN)
        assert until(lambda: dav.ask("OPTIONS", "/")[0] in (401, 403), WITHIN)


def test_a_removed_key_closes_the_idle_connections_that_it_opened(troubled: County, tmp_path: Path) -> None:
    script, key = troubled["nightly"], asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    key.write_public_key(tmp_path / "key.pub")
    troubled.command("key", "add", script.username, str(tmp_path / "key.pub"), "--name", "Second server")
    number = json.loads(troubled.command("key", "list", script.username, "--json"))[-1]["id"]
    person = replace(script, key=tmp_path / "key")
    with sftp_drive(troubled, script) as kept, sftp_drive(troubled, person) as ended:
        assert kept.listing("/") == ended.listing("/")
        troubled.command("key", "remove", script.username, str(number))
        assert until(lambda: not ended.transport.is_active(), WITHIN)
        assert kept.listing("/")
    with pytest.raises(paramiko.AuthenticationException), sftp_drive(troubled, person):
        pytest.fail("a removed key opened a session")
