"""Daily destruction: after its day nothing opens a document, whatever failed on the way; the certificate says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from config.errors import OperatorError
from gateway import compose
from gateway.certificate import differences
from gateway.clockguard import set_mark
from gateway.destruction import Confirmed, Destruction
from gateway.documents import DocumentFilter, DocumentRow, listing
from gateway.due import due
from gateway.errors import FSError
from gateway.models import Document, JobRun, StoredObject
from gateway.path import VirtualPath
from gateway.vault.models import Destroyed, Kek, KekState
from policy.audit.checkpoints import public_keys
from policy.audit.events import RecordUnavailable
from tests.publishing.authority import Authority, opened
from tests.support.clock import FakeClock
from tests.support.faults import Disk, PowerCut, Statements, asked, asked_of_record, on, record_statements, sweep

MARKER = os.urandom(64)


def destruction(authority: Authority) -> Destruction:
    return compose.destruction(authority.services.core, authority.services.vault, authority.services.log)


def documents(authority: Authority) -> list[DocumentRow]:
    with authority.database.read() as connection:
        vault, now = authority.services.vault, authority.clock.now()
        return listing(connection, vault, DocumentFilter(), None, now)


def states(authority: Authority) -> list[str]:
    return [one.state.value for one in documents(authority)]


def destroy(authority: Authority) -> None:
    assert destruction(authority).run(authority.clock.now()) is None


def certificate(authority: Authority) -> Path:
    [file] = authority.home.certificates_dir.glob("*.txt")
    return file


def believe(authority: Authority) -> None:
    """Let the home's clock mark be at the present."""
    with authority.database.write() as connection:
        set_mark(connection, authority.clock.now())


@pytest.fixture
def doomed(authority: Authority) -> Authority:
    """Two documents, of two days: the older one falls due, the younger one the day after."""
    authority.published(authority.item(authority.file("Old.pdf", MARKER)), note="about Old")
    authority.clock.advance(days=1)
    believe(authority)
    authority.published(authority.item(authority.file("Young.pdf", b"kept")))
    authority.clock.advance(days=90)
    return authority


def test_nothing_is_destroyed_on_the_destroy_day_itself(doomed: Authority) -> None:
    doomed.clock.advance(days=-1)
    destroy(doomed)
    assert "destroyed" not in states(doomed)
    assert len(doomed.blobs()) == 2


def test_what_is_due_is_destroyed_and_the_rest_still_opens(doomed: Authority) -> None:
    destroy(doomed)
    young, old = documents(doomed)
    assert (old.state.value, old.name, old.note) == ("destroyed", None, "")
    assert (young.state.value != "destroyed", young.name) == (True, "Young.pdf")
    assert len(doomed.blobs()) == 1


def test_no_file_holds_the_document_or_any_key_that_opened_it(doomed: Authority) -> None:
    home = doomed.home
    kek_id = next(row.kek_id for row in objects(doomed) if row.length == len(MARKER))
    box = (home.keys_dir / "box").read_bytes()
    [root_file] = home.keys_dir.glob("root.*")
    root = root_file.read_bytes()
    kek = doomed.services.vault._box.key(kek_id)
    wrap = next(row.wrap for row in objects(doomed) if row.kek_id == kek_id)
    destroy(doomed)
    everything = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}
    everything |= {path: path.read_bytes() for path in home.keys_dir.rglob("*") if path.is_file()}
    for secret in (MARKER, root, kek, wrap):
        assert [path for path, data in everything.items() if secret in data] == []
    now = (home.keys_dir / "box").read_bytes()
    assert now[:17] != box[:17]
    for key in home.keys_dir.glob("root.*"):  # a copy of the old box opens with no root key that is left
        with pytest.raises(InvalidTag):
            AESGCM(key.read_bytes()).decrypt(box[17:29], box[29:], box[:17])


def objects(authority: Authority) -> list[Any]:
    with authority.database.read() as connection:
        return list(connection.execute(select(*StoredObject.__table__.columns)))


def test_the_certificate_names_the_document_and_every_changed_byte_is_told(doomed: Authority) -> None:
    destroy(doomed)
    data, keys = certificate(doomed).read_bytes(), public_keys(doomed.services.secrets)
    [_, old] = documents(doomed)
    assert f"document {old.reference} ".encode() in data
    assert b" opened before, refused after\n" in data
    assert differences(data, keys) == []
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        assert differences(changed, keys), f"byte {position}"
    assert differences(data.replace(old.reference.encode(), b"D-0000-00"), keys)[0].endswith("is not what was signed")
    assert differences(data, {}) != []


def test_the_record_tells_each_step(doomed: Authority) -> None:
    destroy(doomed)
    kinds = ("destruction:intent", "keys:rotated", "document:destroyed", "destruction:certified")
    told = [(one["event"], one["reference"]) for one in doomed.record(*kinds)]
    [_, old] = documents(doomed)
    assert told[:4] == [(kinds[0], old.reference), (kinds[1], ""), (kinds[2], old.reference), (kinds[3], "")]


def test_an_open_handle_reads_nothing_once_its_document_is_destroyed(authority: Authority) -> None:
    authority.published(authority.item(authority.file("Old.pdf", MARKER)))
    path = VirtualPath(("Derbyshire Documents", "2026-11 November", "General", "Old.pdf"))
    with authority.session("helen.head").fs.open(path) as handle:
        assert handle.pread(0, 64) == MARKER
        authority.clock.advance(days=91)
        destroy(authority)
        with pytest.raises(FSError):
            handle.pread(0, 64)


def test_far_more_than_usual_waits_for_a_person_and_is_told(
    doomed: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    believe(doomed)
    many = [doomed.item(doomed.file(f"{n}.pdf"), name=f"{n}.pdf") for n in range(22)]
    assert len(doomed.publish(*many)) == 22
    doomed.clock.advance(days=91)
    left = destruction(doomed).run(doomed.clock.now())
    assert left is not None and left.waits is not None
    assert left.waits.documents >= 22
    assert "destroyed" not in states(doomed)
    assert "nothing is destroyed" in caplog.text
    assert len(doomed.record("destruction:waits")) == 1
    officer = Confirmed(doomed.people["olive.officer"], "root")
    assert destruction(doomed).run(doomed.clock.now(), confirmed=officer) is None
    assert set(states(doomed)) == {"destroyed"}
    assert len(doomed.record("destruction:confirmed")) == 1


def test_a_live_document_under_a_key_that_is_due_is_an_alarm_once_a_day(
    doomed: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    [_, old] = documents(doomed)
    later = old.destroy_day.replace(year=2030)
    with doomed.database.write() as connection:
        connection.execute(update(Document).where(Document.reference == old.reference).values(destroy_day=later))
    believe(doomed)
    for _ in range(3):
        compose.jobs(doomed.home, doomed.services, machine=doomed.clock).turn()
        doomed.clock.advance(seconds=15)
    assert len(doomed.blobs()) == 2
    assert caplog.text.count(f"not destroyed: {old.reference} lies under a key of {old.destroy_day}") == 1
    [told] = doomed.record("destruction:waits")
    assert (told["object"], old.reference in told["reason"]) == (str(old.destroy_day), True)
    with doomed.database.read() as connection:
        assert (
            old.reference in connection.execute(select(JobRun.trouble).where(JobRun.job == "destruction")).scalar_one()
        )


def test_a_live_document_under_one_key_keeps_no_other_day_from_its_end(doomed: Authority) -> None:
    [_, old] = documents(doomed)
    with doomed.database.write() as connection:
        later = update(Document).where(Document.reference == old.reference)
        connection.execute(later.values(destroy_day=old.destroy_day.replace(year=2030)))
    doomed.clock.advance(days=1)
    left = destruction(doomed).run(doomed.clock.now())
    assert left is not None and old.reference in str(left)
    assert sorted(states(doomed)) == ["destroyed", "expired"]


def test_one_process_at_a_time_destroys(doomed: Authority) -> None:
    with destruction(doomed)._turn() as ours:
        assert ours
        destroy(doomed)
        assert "destroyed" not in states(doomed)


@contextmanager
def copied(doomed: Authority, to: Path) -> Iterator[Authority]:
    """A copy of the home, served by a process of its own."""
    home = shutil.copytree(doomed.home.path, to / "home")
    toml = home / "ladocs.toml"
    toml.write_text(toml.read_text().replace(str(doomed.home.path), str(home)))
    clock = FakeClock(doomed.clock.now())
    made = opened(home, to / "outbox", clock)
    assert made.home.keys_dir != doomed.home.keys_dir
    try:
        yield made
    finally:
        compose.close(made.services)
        shutil.rmtree(to)


def assert_complete(authority: Authority) -> None:
    """After one more run the old document is gone for good, and nothing else is."""
    destroy(authority)
    young, old = documents(authority)
    assert (old.state.value, old.name) == ("destroyed", None)
    assert young.name == "Young.pdf"
    assert len(authority.blobs()) == 1
    assert differences(certificate(authority).read_bytes(), public_keys(authority.services.secrets)) == []
    assert len(list(authority.home.keys_dir.glob("root.*"))) == 1
    assert due(authority.database, authority.clock.now()) == []
    with authority.database.read() as connection:
        assert connection.execute(select(Destroyed.state)).scalars().all() == ["certified"]
        old_keys = select(Kek.state).where(Kek.day <= old.destroy_day)
        assert set(connection.execute(old_keys).scalars()) == {KekState.DESTROYED}


@pytest.mark.parametrize("power_cut", [False, True])
def test_whichever_step_of_the_disk_fails_the_next_run_completes_it(
    doomed: Authority, tmp_path: Path, power_cut: bool
) -> None:
    for disk in sweep(Disk, power_cut=power_cut):
        with copied(doomed, tmp_path / f"{disk.fails_at}") as copy:
            with on(disk), suppress(OSError, OperatorError, PowerCut):
                destroy(copy)
            assert_complete(copy)
    assert disk.fails_at > 30


@pytest.mark.parametrize("power_cut", [False, True])
def test_whichever_statement_fails_the_next_run_completes_it(
    doomed: Authority, tmp_path: Path, power_cut: bool
) -> None:
    for statements in sweep(Statements, power_cut=power_cut):
        with copied(doomed, tmp_path / f"{statements.fails_at}") as copy:
            with asked(copy.database.engine, statements), suppress(OperationalError, PowerCut):
                destroy(copy)
            assert_complete(copy)
    assert statements.fails_at > 20


def test_whichever_write_of_the_record_fails_the_next_run_completes_it(doomed: Authority, tmp_path: Path) -> None:
    for number in count(1):
        with copied(doomed, tmp_path / f"{number}") as copy:
            log = copy.services.log
            statements = record_statements(log)(fails_at=number)
            with asked_of_record(log, statements), suppress(RecordUnavailable):
                destroy(copy)
            copy.clock.advance(seconds=2)  # the record is tried again after one
            assert_complete(copy)
            if not statements.fired:
                break
    assert number > 20


def test_what_is_destroyed_stays_so_after_a_restart(doomed: Authority, tmp_path: Path) -> None:
    destroy(doomed)
    with copied(doomed, tmp_path / "again") as copy:
        assert_complete(copy)
