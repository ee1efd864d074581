"""The keys of the days ahead: made in time, once, by whoever comes first, and never a row without its key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import OperationalError

from config.database import Database
from config.errors import OperatorError
from gateway.vault.keybox import KeyBox
from gateway.vault.models import Kek, KekState, Purpose
from gateway.vault.store import LocalStore
from gateway.vault.vault import ObjectRef, Vault
from tests.support.clock import FakeClock
from tests.support.faults import Disk, PowerCut, Statements, asked, on, sweep
from tests.vault.documents import DAY, KEK_ID, OTHER_KEK_ID, content, read_whole, stored

ROOT = Path(__file__).parents[2]


def rows(database: Database) -> Sequence[Any]:
    with database.read() as connection:
        return connection.execute(select(Kek.__table__)).all()


def days(database: Database, purpose: Purpose) -> list[date]:
    return sorted(row.day for row in rows(database) if row.purpose == purpose)


def every_row_has_its_key(database: Database, keys_dir: Path) -> bool:
    held = KeyBox(keys_dir, FakeClock(), os.urandom).all()
    return all(row.id in held for row in rows(database))


@contextmanager
def refusing(database: Database, word: str) -> Iterator[list[str]]:
    """Within the block the database refuses statements that begin with `word`; those that it refused are listed."""
    refused: list[str] = []

    def refuse(*call: Any) -> None:
        if call[2].startswith(word):
            refused.append(call[2])
            raise OperationalError(call[2], {}, OSError("disk I/O error"))

    event.listen(database.engine, "before_cursor_execute", refuse)
    try:
        yield refused
    finally:
        event.remove(database.engine, "before_cursor_execute", refuse)


def test_there_is_a_key_for_every_day_up_to_120_ahead(vault: Vault, database: Database, today: date) -> None:
    vault.top_up(database, today)
    assert days(database, Purpose.PUBLISH) == [today + timedelta(days=ahead) for ahead in range(90, 121)]
    assert days(database, Purpose.STAGING) == [today + timedelta(days=ahead) for ahead in range(30, 121)]


def test_the_first_keys_are_those_that_today_wants(vault: Vault, database: Database, today: date) -> None:
    with database.write() as connection:
        connection.execute(delete(Kek))
    vault.top_up(database, today)
    assert days(database, Purpose.PUBLISH)[0] == today + timedelta(days=90)
    assert days(database, Purpose.STAGING)[0] == today + timedelta(days=30)


def test_a_second_call_makes_nothing_and_leaves_the_box_alone(
    vault: Vault, database: Database, today: date, box: KeyBox
) -> None:
    assert vault.top_up(database, today) == 31 + 91 - 2
    generation, before = box.generation(), rows(database)
    assert vault.top_up(database, today) == 0
    assert (box.generation(), rows(database)) == (generation, before)


def test_the_next_day_wants_one_of_each(vault: Vault, database: Database, today: date) -> None:
    vault.top_up(database, today)
    assert vault.top_up(database, today + timedelta(days=1)) == 2


def test_a_day_whose_key_is_closing_gets_a_new_one_and_documents_take_it(
    vault: Vault, database: Database, today: date
) -> None:
    vault.top_up(database, today)
    before = stored(vault, database, b"a letter")
    with database.write() as connection:
        connection.execute(update(Kek).where(Kek.id == before.kek_id).values(state=KekState.CLOSING))
    assert vault.top_up(database, today) == 1
    after = stored(vault, database, b"another")
    assert after.kek_id != before.kek_id
    assert read_whole(vault, before) == b"a letter"
    assert read_whole(vault, after) == b"another"


def test_a_day_without_an_active_key_takes_no_document(vault: Vault, database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(Kek).values(state=KekState.CLOSING))
    with pytest.raises(OperatorError, match=str(DAY)):
        stored(vault, database, b"a letter")


def test_an_object_moves_from_staging_to_the_key_of_its_day(vault: Vault, database: Database, today: date) -> None:
    vault.top_up(database, today)
    with vault.seal() as sealing:
        sealing.write(content(100))
        sealed = sealing.finish()
    staged_until = today + timedelta(days=30)
    with database.write() as connection:
        staged = vault.wrap(connection, sealed, purpose=Purpose.STAGING, day=staged_until, category_id=3)
        ref = ObjectRef(
            object_id=sealed.object_id,
            kek_id=staged.kek_id,
            wrap=staged.wrap,
            length=sealed.length,
            category_id=3,
            segment_size=sealed.segment_size,
        )
        moved = vault.rewrap(connection, ref, purpose=Purpose.PUBLISH, day=DAY)
    assert moved.kek_id == KEK_ID
    published = ObjectRef(
        object_id=sealed.object_id,
        kek_id=moved.kek_id,
        wrap=moved.wrap,
        length=sealed.length,
        category_id=3,
        segment_size=sealed.segment_size,
    )
    assert read_whole(vault, published) == read_whole(vault, ref) == content(100)


def test_names_of_a_month_are_sealed_under_the_keys_of_its_days(vault: Vault, database: Database) -> None:
    with database.read() as connection:
        assert list(vault.publish_keys(connection, DAY, DAY)) == [KEK_ID]
        assert set(vault.publish_keys(connection, DAY, DAY + timedelta(days=30))) == {KEK_ID, OTHER_KEK_ID}
    with database.write() as connection:
        connection.execute(update(Kek).where(Kek.id == KEK_ID).values(state=KekState.DESTROYED))
    with database.read() as connection:
        assert list(vault.publish_keys(connection, DAY, DAY)) == []


def test_rows_that_are_refused_leave_keys_that_nobody_names(
    vault: Vault, database: Database, today: date, keys_dir: Path, box: KeyBox
) -> None:
    before = rows(database)
    with refusing(database, "INSERT") as refused, pytest.raises(OperationalError):
        vault.top_up(database, today)
    assert refused
    assert rows(database) == before
    assert len(box.all()) == 2 + 120
    assert vault.top_up(database, today) == 120
    assert every_row_has_its_key(database, keys_dir)


@pytest.mark.parametrize("power_cut", [False, True], ids=["an error", "a power cut"])
def test_a_row_has_its_key_whichever_step_failed(
    power_cut: bool, vault: Vault, database: Database, today: date, keys_dir: Path
) -> None:
    ref = stored(vault, database, content(100))
    counting = Disk()
    with on(counting):
        vault.top_up(database, today)
    for step in range(1, len(counting.taken) + 1):
        disk = Disk(fails_at=step, power_cut=power_cut)
        with on(disk), pytest.raises((PowerCut, OSError)):
            vault.top_up(database, today + timedelta(days=step))
        assert disk.fired
        assert every_row_has_its_key(database, keys_dir)
        assert read_whole(vault, ref) == content(100)
        vault.top_up(database, today + timedelta(days=step))
        assert days(database, Purpose.PUBLISH)[-1] == today + timedelta(days=step + 120)
        assert every_row_has_its_key(database, keys_dir)


def test_a_row_has_its_key_whichever_statement_failed(
    vault: Vault, database: Database, today: date, keys_dir: Path
) -> None:
    for statements in sweep(Statements):
        day = today + timedelta(days=statements.fails_at)
        with asked(database.engine, statements), suppress(OperationalError):
            vault.top_up(database, day)
        assert every_row_has_its_key(database, keys_dir)
        vault.top_up(database, day)
        assert days(database, Purpose.PUBLISH)[-1] == day + timedelta(days=120)
    assert statements.fails_at > 4


def test_processes_that_make_keys_at_once_make_each_one_once(
    box: KeyBox, database: Database, today: date, keys_dir: Path
) -> None:
    command = [sys.executable, "-m", "tests.vault.topping", str(keys_dir), database.url]
    each = [
        subprocess.Popen([*command, (today + timedelta(days=ahead)).isoformat()], cwd=ROOT, stdout=subprocess.PIPE)
        for ahead in (0, 0, 1, 2)
    ]
    made = [int(process.communicate(timeout=60)[0]) for process in each]
    assert [process.returncode for process in each] == [0] * 4
    named = [(row.purpose, row.day) for row in rows(database)]
    assert len(named) == len(set(named)) == 2 + sum(made)
    assert set(days(database, Purpose.PUBLISH)) >= {today + timedelta(days=ahead) for ahead in range(90, 123)}
    assert every_row_has_its_key(database, keys_dir)
    assert len(box.key(KEK_ID)) == 32
    assert len(KeyBox(keys_dir, FakeClock(), os.urandom).all()) == len(named)


def test_a_vault_elsewhere_finds_a_key_made_a_moment_ago(
    vault: Vault, database: Database, today: date, keys_dir: Path, clock: FakeClock, local_store: LocalStore
) -> None:
    elsewhere = Vault(box=KeyBox(keys_dir, clock, os.urandom), store=local_store, entropy=os.urandom)
    elsewhere.check(database)
    vault.top_up(database, today)
    ref = stored(vault, database, content(100), day=today + timedelta(days=120))
    assert read_whole(elsewhere, ref) == content(100)
