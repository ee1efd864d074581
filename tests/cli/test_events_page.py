"""What is recorded fills no field that docs/events.md does not name: seen over the acts of commands and of a drive."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from gateway.errors import FSError
from gateway.tree import FileSystem
from tests.cli.county import PRIMARY, County
from tests.cli.test_trace import in_session
from tests.support.events_page import ALWAYS, rows
from tests.support.world import path, peer, read, tree

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ somebody"
SEEN = {
    *("account:changed", "school:changed", "access:granted", "access:revoked", "credential:added"),
    *("credential:removed", "trust:ended", "guesses:cleared", "document:published", "clock:confirmed"),
    *("auth:sign-in", "auth:refused", "auth:sign-out", "link:used", "terms:accepted"),
    *("folder:browse", "file:open", "file:close", "file:refused"),
    *("document:withdrawn", "copies:asked", "copies:destroyed", "request:made", "request:decided"),
}
"""What these acts must have left, so that the comparison is one."""


def look_about(fs: FileSystem) -> None:
    for one in tree(fs):
        with suppress(FSError):
            read(fs, one)
    with suppress(FSError):
        fs.stat(path("/Derbyshire Documents/nothing"))


def wrongly(county: County) -> None:
    """A guess at somebody's drive, and at nobody's."""
    with county.services() as services:
        for name in ("s.senco", "nobody"):
            candidate = services.authenticator.candidate(name, peer())
            services.authenticator.check_device(candidate, "0000-0000-0000-0000-0000-0000")
            services.authenticator.authenticate(candidate, [])


def take_back(county: County) -> None:
    """What the headteacher has read is asked for and withdrawn, and the copies are destroyed."""
    [letter] = county("document", "list", "--json").json
    at, because = (letter["reference"], "--school", PRIMARY), ("--because", "sent by mistake")
    county("request", "add", *at, "--asked-by", "m.head", *because)
    county("request", "decide", "1", "accept", *because)
    county("document", "copies-destroyed", *at, "--by", "m.head")


def test_no_record_fills_a_field_that_the_page_does_not_name(county: County, letter: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(f"{KEY}\n")
    senco = ("account", "revoke", "s.senco", "--school", PRIMARY)
    for words in (
        ("school", "network", PRIMARY, "--add", "192.0.2.17"),
        ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General"),
        (*senco, "--category", "General"),
        ("account", "revoke", "s.senco", "--trust"),
        ("account", "unlock", "s.senco"),
        ("account", "suspend", "s.senco", "--because", "laptop stolen"),
        ("account", "activate", "s.senco"),
        ("key", "add", "s.senco", key, "--name", "Office PC"),
        ("key", "remove", "s.senco", "1"),
        ("publish", letter, "--category", "SEND", "--school", PRIMARY),
        ("clock", "confirm"),
    ):
        county(*words)
    in_session(county, "m.head", look_about)
    wrongly(county)
    take_back(county)
    county("account", "leave", "s.senco")
    with closing(sqlite3.connect(county.home / "record.db")) as record:
        told = [json.loads(payload) for (payload,) in record.execute("SELECT payload FROM audit_record")]
    assert {one["event"] for one in told} >= SEEN
    filled = {(one["event"], field) for one in told for field, value in one.items() if value not in ("", None, [])}
    assert {(kind, field) for kind, field in filled if field not in rows()[kind] | ALWAYS} == set()
