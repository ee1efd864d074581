"""Schools ask for deletion, the authority decides, and both are kept with their reasons [R26]: on both databases."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from auth.principal import StaffRole
from config.errors import OperatorError
from gateway import deletion, withdrawing
from gateway.change import NotAllowed, changing
from gateway.deletion import Decision, Request
from gateway.mail.outbox import Mail, MailKind
from gateway.models import DeletionRequest, Delivery
from policy.audit.events import EventKind
from tests.support.faults import Statements, asked, sweep
from tests.support.people import enter_person
from tests.support.withdrawing import withdraw
from tests.support.world import HERE, OFFICER, THERE, World, names, read

SEND = "/Derbyshire Documents/2026-11 November/SEND"
CHIEF = "a.chief"


@pytest.fixture
def reference(world: World) -> str:
    """A letter for both schools; an administrator is there to decide."""
    with world.changing() as connection:
        roles = [StaffRole.ADMINISTRATOR]
        world.accounts[CHIEF] = enter_person(connection, CHIEF, world.clock.now(), roles=roles)
    world.person("t.office", {THERE: ["SEND"]})
    return world.publish("letter.pdf", [HERE, THERE], "SEND").reference


def make(world: World, reference: str, asker: str = "o.office", dfe: str = HERE, why: str = "not ours") -> Request:
    with changing(world.core, world.services.log, world.accounts[CHIEF], "an operator") as change:
        document = withdrawing.dispatched(change.connection, reference)
        return deletion.make(change, document, world.schools[dfe], dfe, world.account(asker), why)


def decide(world: World, number: int, decision: Decision, why: str = "so it is", by: str = CHIEF) -> bool:
    with changing(world.core, world.services.log, world.accounts[by], "an operator") as change:
        return deletion.decide(world.core, change, number, decision, why)[1]


def mails(world: World) -> list[tuple[int | None, dict[str, object]]]:
    wanted = select(Mail.account_id, Mail.facts).where(Mail.kind == MailKind.REQUEST_DECIDED).order_by(Mail.id)
    with world.database.read() as connection:
        return [(row.account_id, json.loads(row.facts)) for row in connection.execute(wanted)]


def test_request_decision_reason_and_both_names_are_kept(world: World, reference: str) -> None:
    number = make(world, reference).number
    world.pass_time(hours=1)
    decide(world, number, Decision.REFUSED, "it is yours")
    with world.database.read() as connection:
        [kept] = deletion.listing(connection)
    assert (kept.asked_by, kept.why, kept.decision, kept.decided_by, kept.decided_why) == (
        "o.office",
        "not ours",
        Decision.REFUSED,
        CHIEF,
        "it is yours",
    )
    assert kept.decided_at == world.clock.now() > kept.asked_at


def test_an_acceptance_withdraws_it_from_the_school_that_asked_alone(world: World, reference: str) -> None:
    assert decide(world, make(world, reference).number, Decision.ACCEPTED)
    assert names(world.fs("o.office"), "/Derbyshire Documents") == []
    assert read(world.fs("t.office"), f"{SEND}/letter.pdf")
    [told] = world.recorded(EventKind.DOCUMENT_WITHDRAWN)
    assert (told.school, told.reason) == (world.schools[HERE], "request 1: so it is")


def test_a_refusal_leaves_it_where_it_is(world: World, reference: str) -> None:
    assert not decide(world, make(world, reference).number, Decision.REFUSED)
    assert read(world.fs("o.office"), f"{SEND}/letter.pdf")


@pytest.mark.parametrize("decision", Decision)
def test_who_asked_and_the_headteacher_are_told_with_the_reason(
    world: World, reference: str, decision: Decision
) -> None:
    decide(world, make(world, reference).number, decision)
    told = mails(world)
    assert [account for account, _ in told] == [world.accounts["o.office"], world.accounts["h.head"]]
    assert [(facts["accepted"], facts["why"]) for _, facts in told] == [(decision is Decision.ACCEPTED, "so it is")] * 2
    assert "letter" not in json.dumps([facts for _, facts in told])


def test_a_headteacher_who_asked_is_told_once(world: World, reference: str) -> None:
    decide(world, make(world, reference, "h.head").number, Decision.REFUSED)
    assert len(mails(world)) == 1


def test_a_headteacher_is_told_of_nothing_that_was_withheld(world: World, reference: str) -> None:
    secret = world.publish("other.pdf", HERE, "SEND", not_headteacher="about them").reference
    decide(world, make(world, secret).number, Decision.REFUSED)
    assert [account for account, _ in mails(world)] == [world.accounts["o.office"]]


def test_both_are_recorded(world: World, reference: str) -> None:
    decide(world, make(world, reference).number, Decision.REFUSED)
    made, decided = world.recorded(EventKind.REQUEST_MADE, EventKind.REQUEST_DECIDED)
    assert (made.reason, decided.reason) == ("not ours", "refused: so it is")
    assert made.object == decided.object == f"account:{world.accounts['o.office']}"
    assert (made.reference, decided.school) == (reference, world.schools[HERE])


def test_what_is_gone_meanwhile_can_be_accepted_and_nothing_else_happens(world: World, reference: str) -> None:
    number = make(world, reference).number
    withdraw(world, reference, HERE)
    assert not decide(world, number, Decision.ACCEPTED)
    assert len(world.recorded(EventKind.DOCUMENT_WITHDRAWN)) == 1


@pytest.mark.parametrize(
    ("asker", "dfe", "said"),
    [
        ("t.office", HERE, "t.office is nobody of 830-2001"),
        (OFFICER, HERE, "o.officer is nobody of 830-2001"),
        ("t.office", "830-2003", "was not delivered to 830-2003"),
    ],
)
def test_a_request_comes_from_somebody_of_a_school_that_has_it(
    world: World, reference: str, asker: str, dfe: str, said: str
) -> None:
    world.school("830-2003", "Cedar Primary")
    with pytest.raises(OperatorError, match=said):
        make(world, reference, asker, dfe)


def test_one_request_at_a_time_and_none_for_what_is_gone(world: World, reference: str) -> None:
    make(world, reference)
    with pytest.raises(OperatorError, match=r"asked for that before: 'ladocs request decide 1'"):
        make(world, reference, "h.head")
    withdraw(world, reference, HERE)
    with pytest.raises(OperatorError, match="was withdrawn from 830-2001 before"):
        make(world, reference)
    world.pass_time(days=91)
    with pytest.raises(OperatorError, match="is past its last day"):
        make(world, reference)


@pytest.mark.parametrize("why", ["", "  "])
def test_both_want_a_reason(world: World, reference: str, why: str) -> None:
    with pytest.raises(OperatorError, match="has a reason"):
        make(world, reference, why=why)
    number = make(world, reference).number
    with pytest.raises(OperatorError, match="has a reason"):
        decide(world, number, Decision.ACCEPTED, why)


def test_a_decision_is_made_once(world: World, reference: str) -> None:
    number = make(world, reference).number
    decide(world, number, Decision.REFUSED)
    with pytest.raises(OperatorError, match=r"Request 1 was refused by a\.chief before"):
        decide(world, number, Decision.ACCEPTED)
    with pytest.raises(OperatorError, match="There is no request 7"):
        decide(world, 7, Decision.ACCEPTED)


def test_an_officer_does_not_decide(world: World, reference: str) -> None:
    number = make(world, reference).number
    with pytest.raises(NotAllowed, match="An administrator decides"):
        decide(world, number, Decision.ACCEPTED, by=OFFICER)
    [refused] = world.recorded(EventKind.ACCESS_REFUSED)
    assert (refused.reference, refused.actor) == (reference, world.accounts[OFFICER])


def test_nobody_decides_the_own_request(world: World, reference: str) -> None:
    number = make(world, reference).number
    with world.database.write() as connection:  # who asked for the school works for the authority by now
        connection.execute(update(DeletionRequest).values(asked_by=world.accounts[CHIEF]))
    with pytest.raises(NotAllowed, match="Request 1 is your own"):
        decide(world, number, Decision.ACCEPTED)


def test_whichever_statement_fails_it_is_decided_whole_or_not_at_all(world: World, reference: str) -> None:
    number = make(world, reference).number
    for fault in sweep(Statements):
        try:
            with asked(world.core.database.engine, fault):
                decide(world, number, Decision.ACCEPTED)
        except OperationalError:
            with world.database.read() as connection:
                assert deletion.get(connection, number).decision is None, fault.taken
                gone = select(Delivery.id).where(Delivery.withdrawn_at.is_not(None))
                assert connection.execute(gone).first() is None
            assert mails(world) == []
        else:
            break
    assert not fault.fired and fault.fails_at > 12
    assert len(mails(world)) == 2
