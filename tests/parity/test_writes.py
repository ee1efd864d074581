"""Nothing that a reader sends changes anything [R4]: refused over both protocols, store and database as they were."""

from __future__ import annotations

import hashlib
from functools import partial

import pytest
from sqlalchemy import select

from auth.principal import Door
from config.database import Base
from gateway import models as _documents  # noqa: F401 - declares tables
from tests.parity.conftest import Drives
from tests.support.county import County
from tests.support.databases import opened
from tests.support.drives import Absent, DavDrive, Drive, Forbidden, SftpDrive
from tests.support.story import ASHBY

# What signing in and the clock move on by themselves.
_LIVING = {"session", "throttle_count", "known_place", "totp_use", "clock_mark", "device", "ssh_key"}
REFUSAL = "is read-only"
NO_SUCH_METHOD = ["LOCK", "UNLOCK", "POST", "PATCH", "BIND", "REBIND", "ACL", "REPORT", "SEARCH", "MKCALENDAR", "TRACE"]


def places(county: County) -> list[str]:
    """The root, a document and its folder; then names that are not there, one of them another school's."""
    person = county["nightly"]
    document = county.letter("Governor's report.docx").path(person)
    folder = document.rpartition("/")[0]
    return ["/", person.root(ASHBY), folder, document, *absent(county, folder)]


def absent(county: County, folder: str) -> list[str]:
    foreign = county.letter("Only for the cliff.pdf").path(county["nightly"])
    return ["/new", f"{folder}/New.docx", f"{folder}/New.docx.filepart", "/Publish/All schools/x.pdf", foreign]


def contents(county: County) -> dict[str, str]:
    """A fingerprint of every file of the store and every row of the database that readers have no part in."""
    store = sorted(file for file in (county.home / "store").rglob("*") if file.is_file())
    found = {str(file): f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_mtime_ns}" for file in store}
    with opened(county.database_url) as database, database.read() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in _LIVING:
                found[table.name] = repr(connection.execute(select(table)).all())
    return found


def refusal(drive: Drive, act: str, path: str) -> str:
    """The sentence that answers `act`."""
    try:
        drive.write(act, path)
    except (Forbidden, Absent) as exc:
        return str(exc)
    return "succeeded"


@pytest.mark.parametrize("door", [Door.SFTP, Door.WEBDAV])
def test_every_writing_act_is_refused_everywhere_and_changes_nothing(
    county: County, drives: Drives, door: Door
) -> None:
    drive, before = drives[door], contents(county)
    answers = {(act, path): refusal(drive, act, path) for path in places(county) for act in drive.writes}
    unlike = {path for (act, path), said in answers.items() if REFUSAL not in said}
    # Properties are refused one by one, in a multistatus, and only what is there has some.
    assert unlike == (set(places(county)[4:]) if door is Door.WEBDAV else set())
    assert contents(county) == before


def test_an_open_document_takes_no_bytes(county: County, drives: Drives) -> None:
    drive, letter, before = drives[Door.SFTP], county.letter("Governor's report.docx"), contents(county)
    assert isinstance(drive, SftpDrive)
    with drive.client.open(letter.path(county["nightly"]).encode(), "r") as file:
        for refused in (partial(file.truncate, 0), partial(file.chmod, 0o777), partial(file.utime, (0, 0))):
            with pytest.raises(PermissionError):
                refused()
    assert contents(county) == before


@pytest.mark.parametrize("method", NO_SUCH_METHOD)
def test_there_are_no_other_methods(county: County, drives: Drives, method: str) -> None:
    drive, letter = drives[Door.WEBDAV], county.letter("Governor's report.docx")
    assert isinstance(drive, DavDrive)
    status, headers, _ = drive.ask(method, letter.path(county["nightly"]))
    assert (status, headers["allow"]) == (405, "OPTIONS, GET, HEAD, PROPFIND")
