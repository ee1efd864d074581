"""Copies of what was withdrawn: who has some, who is asked to destroy them, how often, and whose word counts [R26]."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from config.errors import OperatorError
from gateway import copies, recalling, withdrawing
from gateway.change import changing
from gateway.copies import Copies, CopyState
from gateway.mail.outbox import Mail, MailKind
from policy import membership
from policy.audit.events import EventKind, RecordUnavailable
from tests.support.faults import Statements, asked, sweep
from tests.support.withdrawing import withdraw
from tests.support.world import HERE, OFFICER, THERE, World, path, read

SEND = "/Derbyshire Documents/2026-11 November/SEND"


def published(world: World, *schools: str, read_by: Iterable[str] = (), withheld: str | None = None) -> str:
    """The reference of a letter that these people have read."""
    letter = world.publish("letter.pdf", schools or HERE, "SEND", not_headteacher=withheld)
    for username in read_by:
        session = world.session(username)
        read(session.fs, f"{SEND}/{letter.names[0][1]}")
        session.close()
    world.services.log.flush()
    return letter.reference


def turn(world: World) -> None:
    recalling.turn(world.services.core, world.services.log, world.clock.now())


def at_seven(world: World, days: int) -> None:
    """Let so many days pass, to half past seven in the morning."""
    morning = world.clock.now().replace(hour=7, minute=30) + timedelta(days=days)
    world.pass_until(morning)


def standing(world: World, reference: str, dfe: str = HERE) -> Copies:
    with world.database.read() as connection:
        [one] = copies.listing(connection, reference=reference, school_ids=[world.schools[dfe]])
    return one


def mails(world: World) -> list[tuple[int | None, dict[str, object]]]:
    """To whom headteachers' mails went, and their facts."""
    wanted = select(Mail.account_id, Mail.facts).where(Mail.kind == MailKind.COPIES_TO_DESTROY).order_by(Mail.id)
    with world.database.read() as connection:
        return [(row.account_id, json.loads(row.facts)) for row in connection.execute(wanted)]


def confirm(world: World, reference: str, username: str, dfe: str = HERE) -> None:
    with changing(world.core, world.services.log, world.accounts[OFFICER], "an operator") as change:
        document = withdrawing.dispatched(change.connection, reference)
        copies.confirm(change, document, world.schools[dfe], dfe, world.account(username))


# Asking


def test_the_headteacher_of_those_who_read_it_is_asked_by_reference_and_told_by_whom_it_was_opened(
    world: World,
) -> None:
    reference = published(world, HERE, THERE, read_by=["o.office"])
    withdraw(world, reference)
    turn(world)
    [(head, facts)] = mails(world)
    assert head == world.accounts["h.head"]
    assert (facts["reference"], facts["readers"], facts["asked"]) == (reference, [world.account("o.office").name], "")
    assert "letter" not in json.dumps(facts)
    assert (standing(world, reference).state, standing(world, reference).readers) == (CopyState.ASKED, ("o.office",))
    assert standing(world, reference, THERE).state is CopyState.UNREAD


def test_that_somebody_was_asked_is_recorded(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    withdraw(world, reference)
    turn(world)
    [told] = world.recorded(EventKind.COPIES_ASKED)
    assert (told.reference, told.school, told.reason) == (reference, world.schools[HERE], "")
    assert told.object == f"account:{world.accounts['h.head']}"


def test_who_only_listed_the_folder_has_no_copy(world: World) -> None:
    reference = published(world)
    world.fs("o.office").scandir(path(SEND))
    withdraw(world, reference)
    turn(world)
    assert (mails(world), standing(world, reference).state) == ([], CopyState.UNREAD)


def test_whoever_still_reads_at_that_moment_counts(world: World) -> None:
    reference = published(world)
    with world.fs("o.office").open(path(f"{SEND}/letter.pdf")) as handle:
        handle.pread(0, 1)
        withdraw(world, reference)
        world.services.log.flush()
        turn(world)
    assert standing(world, reference).readers == ("o.office",)


def test_whoever_opened_it_at_that_very_moment_is_found_by_a_later_look_and_then_nothing_is_looked_up(
    world: World,
) -> None:
    reference = published(world)
    session = world.session("o.office")
    handle = session.fs.open(path(f"{SEND}/letter.pdf"))
    withdraw(world, reference)
    world.services.log.flush()
    turn(world)
    handle.pread(0, 1)
    handle.close()
    session.close()
    world.services.log.flush()
    world.pass_time(hours=1)
    turn(world)
    assert standing(world, reference).state is CopyState.ASKED
    with asked(world.database.engine, counting := Statements()):
        turn(world)
    assert "UPDATE" not in counting.taken


def test_where_the_post_is_vacant_whoever_comes_to_it_is_asked(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    with world.changing() as connection:
        membership.leave(connection, world.accounts["h.head"], world.schools[HERE], world.clock.now())
    withdraw(world, reference)
    turn(world)
    assert standing(world, reference).state is CopyState.NOT_ASKED
    world.person("n.new", {HERE: ()}, "Headteacher")
    turn(world)
    assert [account for account, _ in mails(world)] == [world.accounts["n.new"]]


def test_what_was_withheld_from_the_headteacher_is_not_told_to_one(world: World) -> None:
    reference = published(world, read_by=["o.office"], withheld="a complaint about the headteacher")
    withdraw(world, reference)
    turn(world)
    assert (mails(world), standing(world, reference).state) == ([], CopyState.NOT_ASKED)
    confirm(world, reference, "o.office")
    assert standing(world, reference).state is CopyState.DESTROYED


# Reminding


def reminders(world: World, days: int) -> list[datetime]:
    """When mails were written in so many days, each turned once in the morning."""
    for _ in range(days):
        at_seven(world, 1)
        turn(world)
    with world.database.read() as connection:
        return list(
            connection.execute(
                select(Mail.created_at).where(Mail.kind == MailKind.COPIES_TO_DESTROY).order_by(Mail.id)
            ).scalars()
        )


def test_reminders_come_after_three_school_days_and_then_after_every_five(world: World) -> None:
    reference = published(world, read_by=["o.office"])  # on a Monday
    withdraw(world, reference)
    turn(world)
    first, *rest = reminders(world, 21)
    assert [(at.date() - first.date()).days for at in rest] == [3, 10, 17]
    assert [facts["asked"] for _, facts in mails(world)] == ["", *[first.date().isoformat()] * 3]
    assert [one.reason for one in world.recorded(EventKind.COPIES_ASKED)] == ["", *["reminder"] * 3]


def test_nobody_is_reminded_of_what_is_confirmed(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    withdraw(world, reference)
    turn(world)
    confirm(world, reference, "h.head")
    assert len(reminders(world, 8)) == 1


def test_two_processes_ask_once(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    withdraw(world, reference)
    for _ in range(2):
        turn(world)
    assert len(mails(world)) == 1


# Confirming


def test_the_headteachers_word_is_kept_with_who_and_when(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    withdraw(world, reference)
    turn(world)
    confirm(world, reference, "h.head")
    now = standing(world, reference)
    assert (now.state, now.confirmed_by, now.confirmed_at) == (CopyState.DESTROYED, "h.head", world.clock.now())
    [told] = world.recorded(EventKind.COPIES_DESTROYED)
    assert (told.object, told.reference) == (f"account:{world.accounts['h.head']}", reference)


@pytest.mark.parametrize(
    ("username", "dfe", "said"),
    [
        ("o.office", HERE, "o.office does not confirm for 830-2001"),
        (OFFICER, HERE, "o.officer does not confirm for 830-2001"),
        ("t.head", HERE, "t.head does not confirm for 830-2001"),
        ("t.head", THERE, "Nobody of 830-2002 had read"),
    ],
)
def test_nobody_elses_word_counts(world: World, username: str, dfe: str, said: str) -> None:
    world.person("t.head", {THERE: ()}, "Headteacher")
    reference = published(world, HERE, THERE, read_by=["o.office"])
    withdraw(world, reference)
    turn(world)
    with pytest.raises(OperatorError) as refused:
        confirm(world, reference, username, dfe)
    assert str(refused.value).startswith(said)


def test_what_was_confirmed_or_never_withdrawn_is_not_confirmed(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    with pytest.raises(OperatorError, match="was not withdrawn from 830-2001"):
        confirm(world, reference, "h.head")
    withdraw(world, reference)
    turn(world)
    confirm(world, reference, "h.head")
    with pytest.raises(OperatorError, match="was confirmed before"):
        confirm(world, reference, "h.head")


# Faults


def test_whichever_statement_fails_the_next_turn_asks_once(world: World) -> None:
    for fault in sweep(Statements):
        reference = published(world, read_by=["o.office"])
        withdraw(world, reference)
        before = len(mails(world))
        try:
            with asked(world.database.engine, fault):
                turn(world)
        except OperationalError:
            turn(world)
        assert len(mails(world)) == before + 1, fault.taken
        confirm(world, reference, "h.head")
        world.pass_time(minutes=2)
        turn(world)
    assert fault.fails_at > 8


def test_nobody_is_asked_without_a_record(world: World) -> None:
    reference = published(world, read_by=["o.office"])
    withdraw(world, reference)
    world.services.log.close()
    with pytest.raises(RecordUnavailable):
        turn(world)
    assert (mails(world), standing(world, reference).state) == ([], CopyState.NOT_ASKED)
