"""All of a document or nothing: whichever statement, step of the disk or part of the record fails [R27]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from config.errors import OperatorError
from gateway.publishing import Failed, Published, Restriction
from gateway.vault.models import Kek, KekState
from tests.publishing.authority import EXAMPLE, HILLTOP, Authority
from tests.support.faults import Disk, PowerCut, Statements, asked, asked_of_record, on, record_statements, sweep
from tests.support.jobs import do


def swept(authority: Authority) -> None:
    """What the day's work does an hour and more after a publication that came to nothing."""
    authority.age(authority.blobs(), hours=2)
    do("orphans", authority.services, authority.clock.now())


@contextmanager
def elsewhere(file: Path) -> Iterator[None]:
    """Within the block the database at `file` is not where it should be."""
    moved = file.with_name(f"{file.name}.moved")
    file.rename(moved)
    try:
        yield
    finally:
        moved.rename(file)


def test_whichever_statement_fails_the_document_is_there_whole_or_not_at_all(authority: Authority) -> None:
    authority.published(authority.item(authority.file("Kept.pdf")))
    item = authority.item(
        None, EXAMPLE, HILLTOP, restriction=Restriction(roles=frozenset({"SENCO"}), not_headteacher_reason="about them")
    )
    before = authority.rows()
    counting = Statements()
    with asked(authority.database.engine, counting):
        authority.published(item)
    after = authority.rows()
    added = {table: after[table] - before[table] for table in after}
    assert added == {"object": 1, "document": 1, "delivery": 2, "audience": 1, "batch": 1, "changes": 2}
    assert counting.taken.count("COMMIT") == 1
    for statements in sweep(Statements):
        kept = authority.rows()
        try:
            with asked(authority.database.engine, statements):
                [verdict] = authority.publish(item)
        except OperationalError:
            pass  # before any document was looked at
        else:
            if not statements.fired:
                break
            assert isinstance(verdict, Failed)
            assert "disk I/O error" in verdict.message
        assert authority.rows() == kept, f"after {statements.taken}"
    assert statements.fails_at > len(counting.taken)
    swept(authority)
    assert len(authority.blobs()) == authority.rows()["object"] == 3
    assert authority.read("helen.head", "Kept.pdf") == b"Dear all"


def test_rows_that_failed_are_told_to_the_record_too(authority: Authority) -> None:
    class Refusing(Statements):
        def take(self, statement: str) -> None:
            if statement.startswith("INSERT INTO delivery"):
                raise OperationalError(statement, {}, OSError("disk I/O error"))

    with asked(authority.database.engine, Refusing()):
        [verdict] = authority.publish(authority.item(None, EXAMPLE, HILLTOP))
    assert isinstance(verdict, Failed)
    told = authority.record("document:published")
    assert [event["result"] for event in told] == ["permit", "permit", "error"]
    assert len({event["reference"] for event in told}) == 1
    assert told[-1]["count"] == 2


def test_others_go_on_after_one_whose_rows_failed(authority: Authority) -> None:
    class Once(Statements):
        def take(self, statement: str) -> None:
            if statement.startswith("INSERT INTO document") and not self.taken:
                super().take(statement)

    with asked(authority.database.engine, Once(fails_at=1)):
        verdicts = authority.publish(
            *(authority.item(authority.file(f"{number}.pdf")) for number in range(3)), note="three"
        )
    assert [type(verdict) for verdict in verdicts] == [Failed, Published, Published]
    assert authority.rows()["batch"] == 1
    assert authority.listing("helen.head") == ["1.pdf", "2.pdf"]


def test_a_record_that_cannot_be_written_lets_nothing_be_published(authority: Authority) -> None:
    before = authority.rows()
    authority.services.log.flush()
    with elsewhere(authority.home.path / "record.db"):
        verdicts = authority.publish(authority.item(), authority.item(authority.file("Other.pdf")))
    assert [type(verdict) for verdict in verdicts] == [Failed, Failed]
    assert all("the record cannot be written" in verdict.message for verdict in verdicts if isinstance(verdict, Failed))
    assert authority.rows() == before
    swept(authority)
    assert authority.blobs() == []
    authority.clock.advance(seconds=1)
    authority.published(authority.item())


def test_whichever_write_of_the_record_fails_the_document_is_there_whole_or_not_at_all(authority: Authority) -> None:
    item, log = authority.item(None, EXAMPLE, HILLTOP), authority.services.log
    for statements in sweep(record_statements(log)):
        before = authority.rows()
        with asked_of_record(log, statements):
            [verdict] = authority.publish(item)
        if statements.fired:
            assert isinstance(verdict, Failed)
            assert authority.rows() == before
            authority.clock.advance(seconds=1)
    assert isinstance(verdict, Published)
    assert statements.fails_at > 4


def test_the_record_speaks_before_the_rows_are_there(authority: Authority) -> None:
    seen: list[int] = []

    class Looking(Statements):
        def take(self, statement: str) -> None:
            if statement.startswith("INSERT INTO object"):
                seen.append(len(authority.record("document:published")))

    with asked(authority.database.engine, Looking()):
        authority.published(authority.item(None, EXAMPLE, HILLTOP))
    assert seen == [2]


@pytest.mark.parametrize("power_cut", [False, True], ids=["an error", "a power cut"])
def test_whichever_step_of_the_disk_fails_the_document_is_there_whole_or_not_at_all(
    power_cut: bool, authority: Authority
) -> None:
    item = authority.item()
    authority.published(item)  # the day's keys are there now: their own steps are tried elsewhere
    before = authority.rows()
    for disk in sweep(Disk, power_cut=power_cut):
        verdicts: list[Published | Failed] = []
        with on(disk), suppress(PowerCut, OSError):
            verdicts = authority.publish(item)
        if not disk.fired:
            assert [type(verdict) for verdict in verdicts] == [Published]
            break
        assert not any(isinstance(verdict, Published) for verdict in verdicts), (
            f"step {disk.fails_at}, {disk.taken[-1]}"
        )
        assert authority.rows() == before
    assert {"open", "write", "fsync", "rename"} <= set(disk.taken)
    swept(authority)
    assert len(authority.blobs()) == authority.rows()["object"] == 2
    assert authority.read("helen.head", "Letter (2).pdf") == b"Dear all"


def test_a_day_whose_key_is_closing_is_given_another_by_the_next_act(authority: Authority) -> None:
    authority.published(authority.item())
    with authority.database.write() as connection:
        connection.execute(update(Kek).values(state=KekState.CLOSING))
    authority.published(authority.item(authority.file("Later.pdf")))
    assert authority.listing("helen.head") == ["Later.pdf", "Letter.pdf"]
    assert authority.read("helen.head", "Letter.pdf") == authority.read("helen.head", "Later.pdf") == b"Dear all"


def test_a_key_that_closes_between_the_check_and_the_rows_takes_no_document(authority: Authority) -> None:
    def close(*progress: object) -> None:
        with authority.database.write() as connection:
            connection.execute(update(Kek).values(state=KekState.CLOSING))

    [verdict] = authority.publish(authority.item(), progress=close)
    assert isinstance(verdict, Failed)
    assert "key" in verdict.message
    assert authority.rows()["document"] == 0


def lose_key(authority: Authority) -> None:
    """Let the key of today's documents be one that is in no box."""
    with authority.database.write() as connection:
        connection.execute(update(Kek).values(state=KekState.CLOSING))
        connection.execute(
            insert(Kek).values(
                id=b"?" * 16,
                day=authority.clock.now().date() + timedelta(days=90),
                purpose="publish",
                state=KekState.ACTIVE,
                generation=99,
            )
        )


def test_a_day_whose_key_was_lost_is_given_another_by_the_next_act(authority: Authority) -> None:
    authority.published(authority.item())
    lose_key(authority)
    authority.published(authority.item(authority.file("Later.pdf")))
    assert authority.read("helen.head", "Later.pdf") == b"Dear all"
    with authority.database.read() as connection:
        state = connection.execute(select(Kek.state).where(Kek.id == b"?" * 16)).scalar_one()
    assert state == KekState.CLOSING


def test_a_key_that_is_not_in_the_box_takes_no_document(authority: Authority) -> None:
    [verdict] = authority.publish(authority.item(), progress=lambda *_: lose_key(authority))
    assert isinstance(verdict, Failed)
    assert "the database refused it" in verdict.message


def test_a_home_whose_clock_was_never_marked_takes_no_document(authority: Authority) -> None:
    with authority.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM clock_mark")
    with pytest.raises(OperatorError):
        authority.publish(authority.item())
    assert authority.blobs() == []
