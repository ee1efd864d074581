"""A document that was withdrawn is gone at once, for everybody of its school, and for good [R26]: on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from auth.principal import StaffRole
from config.errors import OperatorError
from gateway import compose, documents
from gateway.change import NotAllowed
from gateway.documents import DocumentFilter, DocumentRow, DocumentState
from gateway.errors import NotFound
from gateway.models import Delivery, Document, Hold, StoredObject, Withdrawal
from policy import generations
from policy.access import Reason
from policy.audit.events import EventKind, RecordUnavailable, Result
from tests.support.faults import Statements, asked, sweep
from tests.support.people import enter_person
from tests.support.withdrawing import withdraw
from tests.support.world import HERE, OFFICER, THERE, World, names, path, read, statements, tree

SEND = "/Derbyshire Documents/2026-11 November/SEND"
LETTER = f"{SEND}/letter.pdf"


def published(world: World, *schools: str) -> str:
    """The reference of a letter that was just published."""
    return world.publish("letter.pdf", schools or HERE, "SEND", b"x" * 200_000).reference


def row(world: World, reference: str, dfe: str | None = None) -> DocumentRow:
    with world.database.read() as connection:
        wanted = DocumentFilter(reference=reference, school_id=None if dfe is None else world.schools[dfe])
        [found] = documents.listing(connection, compose.vault(world.core), wanted, None, world.clock.now())
    return found


def withdrawals(world: World) -> int:
    """How many deliveries are withdrawn; the rows that tell of it are as many."""
    with world.database.read() as connection:
        told = len(connection.execute(select(Withdrawal.id)).all())
        done = len(connection.execute(select(Delivery.id).where(Delivery.withdrawn_at.is_not(None))).all())
    assert told == done
    return done


# Gone at once


def test_it_is_gone_from_every_listing_and_door_of_its_school(world: World) -> None:
    fs = world.fs("o.office")
    reference = published(world)
    assert read(fs, LETTER) and fs.usage()
    withdraw(world, reference)
    assert tree(fs) == tree(world.fs("h.head")) == ["/Derbyshire Documents", "/About this drive.txt"]
    assert fs.usage() == 0
    for ask in (fs.stat, fs.open, fs.scandir):
        with pytest.raises(NotFound):
            ask(path(LETTER))


def test_the_record_keeps_the_true_reason(world: World) -> None:
    reference = published(world)
    withdraw(world, reference)
    with pytest.raises(NotFound):
        read(world.fs("o.office"), LETTER)
    [refused] = world.recorded(EventKind.READ_REFUSED)
    assert (refused.reference, refused.reason) == (reference, Reason.WITHDRAWN)


def test_other_schools_keep_it(world: World) -> None:
    world.person("t.office", {THERE: ["SEND"]})
    reference = published(world, HERE, THERE)
    assert withdraw(world, reference, HERE) == [HERE]
    assert read(world.fs("t.office"), LETTER)
    assert (row(world, reference).state, list(row(world, reference).withdrawn)) == (DocumentState.VISIBLE, [HERE])
    assert [row(world, reference, dfe).state.value for dfe in (HERE, THERE)] == ["withdrawn", "visible"]
    assert withdraw(world, reference) == [THERE]
    assert row(world, reference).state is DocumentState.WITHDRAWN


def test_an_open_handle_reads_nothing_after_five_seconds(world: World) -> None:
    reference = published(world)
    with world.fs("o.office").open(path(LETTER)) as handle:
        assert handle.pread(0, 1)
        withdraw(world, reference)
        world.clock.advance(seconds=5)
        assert handle.cached(0, 1) is None
        with pytest.raises(NotFound):
            handle.pread(0, 1)


@pytest.mark.parametrize("step", [0.3, 0.4, 0.7])
def test_five_seconds_hold_however_polls_and_checks_fall(world: World, step: float) -> None:
    fs = world.fs("o.office")
    for steps_before in range(1, 16):
        reference = world.publish(f"letter {steps_before}.pdf", HERE, "SEND").reference
        with fs.open(path(f"{SEND}/letter {steps_before}.pdf")) as handle:
            for _ in range(steps_before):
                world.clock.advance(seconds=step)
                assert handle.pread(0, 1)
            withdraw(world, reference)
            end = world.clock.now() + timedelta(seconds=5)
            while world.clock.now() + timedelta(seconds=step) < end:
                world.clock.advance(seconds=step)
                try:
                    handle.pread(0, 1)
                except NotFound:
                    break
            world.clock.set(end)
            with pytest.raises(NotFound):
                handle.pread(0, 1)


def test_an_open_handle_costs_no_look_at_the_document_while_nothing_changes(world: World) -> None:
    published(world)
    with world.fs("o.office").open(path(LETTER)) as handle, statements(world.database) as seen:
        for second in range(60):
            world.clock.advance(seconds=1)
            assert handle.pread(second, 1)
    assert not any("delivery" in statement for statement, _ in seen)


def test_another_change_costs_an_open_handle_one_look_and_it_reads_on(world: World) -> None:
    published(world)
    with world.fs("o.office").open(path(LETTER)) as handle, statements(world.database) as seen:
        world.grant("o.office", HERE, "General")
        for second in range(60):
            world.clock.advance(seconds=1)
            assert handle.pread(second, 1)
    assert sum("delivery" in statement for statement, _ in seen) == 1


def test_its_name_is_not_used_again_in_that_folder(world: World) -> None:
    withdraw(world, published(world))
    world.publish("letter.pdf", HERE, "SEND")
    world.publish("LETTER.PDF", HERE, "SEND")
    assert names(world.fs("o.office"), SEND) == ["letter (2).pdf", "LETTER (3).PDF"]


def test_a_hold_keeps_its_bytes_and_does_not_keep_it_in_sight(world: World) -> None:
    reference = published(world)
    with world.database.write() as connection:
        held = connection.execute(select(Document.id)).scalar_one()
        now = world.clock.now()
        placed = {"why": "a tribunal", "placed_by": world.accounts[OFFICER], "placed_at": now}
        connection.execute(insert(Hold).values(document_id=held, **placed))
    withdraw(world, reference)
    with pytest.raises(NotFound):
        read(world.fs("o.office"), LETTER)
    with world.database.read() as connection:
        assert connection.execute(select(StoredObject.wrap)).scalar_one() is not None
        assert connection.execute(select(Hold.lifted_at)).scalar_one() is None


# Told


def test_every_school_has_its_line_of_the_record(world: World) -> None:
    reference = published(world, HERE, THERE)
    withdraw(world, reference, because="sent to the wrong schools")
    told = world.recorded(EventKind.DOCUMENT_WITHDRAWN)
    assert [(one.school, one.reference, one.reason, one.actor) for one in told] == [
        (world.schools[dfe], reference, "sent to the wrong schools", world.accounts[OFFICER]) for dfe in (HERE, THERE)
    ]
    assert {one.object for one in told} == {one.object for one in world.recorded(EventKind.DOCUMENT_PUBLISHED)}


def test_the_counters_that_every_process_watches_move(world: World) -> None:
    reference = published(world)
    counters = (generations.ACCESS, generations.content_of(world.schools[HERE]))

    def values() -> list[int]:
        with world.database.read() as connection:
            return [generations.value(connection, name) for name in counters]

    before = values()
    withdraw(world, reference)
    assert values() == [value + 1 for value in before]


# Refused


def _destroy(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(update(StoredObject).values(wrap=None))


REFUSED: list[tuple[Callable[[World, str], object], tuple[str, ...], str]] = [
    (withdraw, (), "was withdrawn from 830-2001 before"),
    (withdraw, (HERE,), "was withdrawn from 830-2001 before"),
    (lambda world, reference: None, (THERE,), "was not delivered to 830-2002"),
    (lambda world, reference: world.pass_time(days=91), (), "is past its last day"),
    (lambda world, reference: _destroy(world), (), "is destroyed"),
]


@pytest.mark.parametrize(("before", "schools", "said"), REFUSED, ids=[f"{said} {len(s)}" for _, s, said in REFUSED])
def test_what_cannot_be_withdrawn_is_one_line(
    world: World, before: Callable[[World, str], object], schools: tuple[str, ...], said: str
) -> None:
    reference = published(world)
    before(world, reference)
    done = withdrawals(world)
    with pytest.raises(OperatorError) as refused:
        withdraw(world, reference, *schools)
    assert str(refused.value).startswith(f"{reference} {said}")
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    assert withdrawals(world) == done


def test_a_school_that_has_it_no_more_stands_in_the_way_of_all_that_were_named(world: World) -> None:
    reference = published(world, HERE, THERE)
    withdraw(world, reference, HERE)
    with pytest.raises(OperatorError, match="was withdrawn from 830-2001 before"):
        withdraw(world, reference, HERE, THERE)
    assert withdrawals(world) == 1


def test_a_reference_that_nothing_has_is_refused(world: World) -> None:
    with pytest.raises(OperatorError, match="No document has the reference 'D-0000-00'"):
        withdraw(world, "D-0000-00")


def test_it_wants_a_reason(world: World) -> None:
    with pytest.raises(OperatorError, match="has a reason"):
        withdraw(world, published(world), because="  ")


def test_another_officers_document_is_withdrawn_by_an_administrator_alone(world: World) -> None:
    reference = published(world)
    world.officer("p.other")
    with world.changing() as connection:
        chief = enter_person(connection, "a.chief", world.clock.now(), roles=[StaffRole.ADMINISTRATOR])
    world.accounts["a.chief"] = chief
    with pytest.raises(NotAllowed, match="was published by somebody else"):
        withdraw(world, reference, by="p.other")
    [refused] = world.recorded(EventKind.ACCESS_REFUSED)
    assert (refused.result, refused.reference, refused.actor) == (Result.DENY, reference, world.accounts["p.other"])
    assert withdrawals(world) == 0
    assert withdraw(world, reference, by="a.chief") == [HERE]


# Faults


def test_whichever_statement_fails_it_is_withdrawn_whole_or_not_at_all(world: World) -> None:
    reference = published(world, HERE, THERE)
    for fault in sweep(Statements):
        try:
            with asked(world.core.database.engine, fault):
                withdraw(world, reference)
        except OperationalError:
            assert withdrawals(world) == 0, fault.taken
            assert read(world.fs("o.office"), LETTER)
        else:
            break
    assert not fault.fired and fault.fails_at > 8
    assert withdrawals(world) == 2


def test_nothing_is_withdrawn_that_the_record_does_not_say(world: World) -> None:
    reference = published(world, HERE, THERE)
    world.services.log.close()
    with pytest.raises(RecordUnavailable):
        withdraw(world, reference)
    assert withdrawals(world) == 0
