"""Delivery: each mail once, its link made when it is written, tries and their ends, and what the record hears."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from auth.links import Purpose
from auth.models import Account
from auth.principal import AccountState
from gateway import core as cores
from gateway.mail.delivery import RETRIES
from gateway.mail.maildir import Maildir
from gateway.mail.outbox import FACTS, KEPT, PURPOSES, Letter, Mail, MailKind, post, standing
from gateway.mail.smtp import Smtp
from gateway.mail.transport import OutOfReach
from policy.audit.events import EventKind, RecordUnavailable, Result
from tests.mail.postroom import Postroom, token_of, words
from tests.mail.server import Running
from tests.support.concurrency import all_at_once
from tests.support.jobs import do
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, World, a_small_world

NOTICE = MailKind.PASSWORD_CHANGED


class Down:
    """A mail server that is out of reach; counts who tried."""

    def __init__(self) -> None:
        self.tried = 0

    def send(self, message: EmailMessage, address: str) -> None:
        self.tried += 1
        raise OutOfReach("the mail server is out of reach")

    def close(self) -> None:
        """Nothing was open."""


class Died(BaseException):
    """The process is gone."""


class Dying(Maildir):
    """Takes the mail or not, and then the process dies before it can say so."""

    def __init__(self, folder: Path, *, taken: bool) -> None:
        super().__init__(folder)
        self._taken = taken

    def send(self, message: EmailMessage, address: str) -> None:
        if self._taken:
            super().send(message, address)
        raise Died


def invited(world: World, username: str = "i.invited") -> str:
    """Somebody who was not activated yet."""
    world.person(username, {HERE: ()})
    set_state(world, username, AccountState.INVITED)
    return username


def set_state(world: World, username: str, state: AccountState) -> None:
    with world.database.write() as connection:
        connection.execute(update(Account).where(Account.username == username).values(state=state))


# Once


def test_a_mail_is_sent_once(postroom: Postroom) -> None:
    number = postroom.post(NOTICE)
    postroom.turn()
    first = postroom.row(number)
    postroom.world.clock.advance(days=1)
    postroom.turn()
    assert postroom.row(number) == first
    assert (first.attempts, first.sent_at is not None, first.trouble) == (1, True, "")


def test_two_deliveries_at_once_send_each_mail_once(
    server: PostgresServer | None, tmp_path: Path, running: Running
) -> None:
    with a_small_world(tmp_path / "both", server) as world:
        postroom = Postroom(world, tmp_path / "outgoing")
        for _ in range(12):
            postroom.post(NOTICE)
        cores_ = [cores.core(world.home, world.settings, clock=world.clock) for _ in range(2)]
        deliveries = [postroom.delivery(Smtp(running.settings()), database=core.database) for core in cores_]
        done = all_at_once(2, lambda: deliveries.pop().turn(world.clock.now()))
        for core in cores_:
            core.database.dispose()
        assert done == [None, None]
        assert len({message["Message-ID"] for message in running.postmaster.messages()}) == 12
        assert len(running.postmaster.taken) == 12


@pytest.mark.parametrize("taken", [True, False])
def test_a_mail_whose_sender_died_is_sent_again_later_with_its_message_id(postroom: Postroom, taken: bool) -> None:
    number = postroom.post(NOTICE)
    with pytest.raises(Died):
        postroom.turn(Dying(postroom.folder.with_name("first"), taken=taken))
    postroom.turn()
    assert postroom.messages() == []
    postroom.world.clock.advance(minutes=16)
    postroom.turn()
    assert postroom.message()["Message-ID"] == f"<{postroom.row(number).message_id}@derbyshire.example>"
    assert postroom.row(number).attempts == 2
    first = Postroom(postroom.world, postroom.folder.with_name("first")).messages()
    assert [message["Message-ID"] for message in first] == [postroom.message()["Message-ID"]] * taken


def test_the_oldest_goes_first(postroom: Postroom, running: Running) -> None:
    for username in ("o.office", "h.head"):
        postroom.post(NOTICE, username)
        postroom.world.clock.advance(seconds=1)
    postroom.turn(Smtp(running.settings()))
    assert running.postmaster.recipients == ["o.office@school.example", "h.head@school.example"]


# Links


@pytest.mark.parametrize("kind", PURPOSES)
def test_a_link_is_made_for_its_purpose_when_the_mail_is_written(postroom: Postroom, kind: MailKind) -> None:
    username = invited(postroom.world) if kind is MailKind.INVITATION else "o.office"
    postroom.post(kind, username)
    postroom.turn()
    assert postroom.look(token_of(postroom.message()), PURPOSES[kind])


def test_the_link_of_the_mail_before_ends(postroom: Postroom) -> None:
    for _ in range(2):
        postroom.post(MailKind.PASSWORD_RESET)
        postroom.turn()
        postroom.world.clock.advance(minutes=1)
    by_date = sorted(postroom.messages(), key=lambda message: message["Date"].datetime)
    assert [postroom.look(token_of(message), Purpose.PASSWORD) for message in by_date] == [False, True]


def test_an_invitation_names_the_schools(postroom: Postroom) -> None:
    postroom.post(MailKind.INVITATION, invited(postroom.world))
    postroom.turn()
    assert "for Alder Primary." in " ".join(words(postroom.message()).split())


def test_without_a_record_no_link_is_made_and_no_mail_is_sent(
    postroom: Postroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = postroom.post(MailKind.PASSWORD_RESET)
    postroom.world.services.log.close()
    with pytest.raises(RecordUnavailable):
        postroom.turn()
    assert postroom.messages() == []
    assert postroom.row(number).attempts == 0


def test_no_token_stands_in_any_table_or_log_or_the_record(
    postroom: Postroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    for kind in PURPOSES:
        postroom.post(kind, invited(postroom.world, "i.canary") if kind is MailKind.INVITATION else "o.office")
    postroom.turn(Down())
    postroom.world.clock.advance(minutes=1)
    postroom.turn()
    tokens = [token_of(message) for message in postroom.messages()]
    postroom.world.services.log.flush()
    assert len(tokens) == 3
    home = postroom.world.home.path
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    for token in tokens:
        assert token.encode() not in kept
        assert token not in caplog.text


# What nobody needs


@pytest.mark.parametrize(
    ("kind", "state", "why"),
    [
        (MailKind.INVITATION, AccountState.ACTIVE, "the account is active"),
        (MailKind.INVITATION, AccountState.SUSPENDED, "the account is suspended"),
        (MailKind.PASSWORD_RESET, AccountState.INVITED, "the account is invited"),
        (MailKind.CODES_RESET, AccountState.LEFT, "the account is left"),
        (MailKind.PASSWORD_CHANGED, AccountState.LEFT, "the account is left"),
        (MailKind.DEVICE_ADDED, AccountState.LEFT, "the account is left"),
    ],
)
def test_a_mail_that_nobody_needs_any_more_is_dropped(
    postroom: Postroom, kind: MailKind, state: AccountState, why: str
) -> None:
    facts = dict.fromkeys(FACTS[kind], "Office PC")
    number = postroom.post(kind, **facts)
    set_state(postroom.world, "o.office", state)
    postroom.turn()
    row = postroom.row(number)
    assert (row.dropped_at, row.trouble) == (postroom.world.clock.now(), why)
    assert postroom.messages() == []
    assert postroom.world.recorded(EventKind.LINK_SENT) == []


def test_a_link_goes_to_no_address_that_the_account_had_before(postroom: Postroom) -> None:
    number = postroom.post(MailKind.PASSWORD_RESET, address="o.maiden@school.example")
    postroom.turn()
    assert postroom.row(number).trouble == "the account has another address now"


def test_a_notice_does_go_to_the_address_that_the_account_had(postroom: Postroom) -> None:
    postroom.post(NOTICE, address="o.maiden@school.example")
    postroom.turn()
    assert "o.maiden@school.example" in postroom.message()["To"]


def test_an_account_that_is_suspended_is_told_all_the_same(postroom: Postroom) -> None:
    postroom.post(NOTICE)
    set_state(postroom.world, "o.office", AccountState.SUSPENDED)
    postroom.turn()
    assert len(postroom.messages()) == 1


# Tries


def test_tries_go_on_for_two_days_and_then_the_mail_is_given_up(
    postroom: Postroom, caplog: pytest.LogCaptureFixture
) -> None:
    number, down, clock = postroom.post(NOTICE), Down(), postroom.world.clock
    begun, waits = clock.now(), []
    while postroom.row(number).given_up_at is None:
        before = clock.now()
        postroom.turn(down)
        wait = postroom.row(number).due_at - before
        waits.append(wait)
        clock.advance(seconds=wait.total_seconds())
    assert tuple(waits[:-1]) == RETRIES
    assert timedelta(days=2) < postroom.row(number).given_up_at - begun < timedelta(days=2, hours=3)
    assert down.tried == len(RETRIES) + 1
    assert f"mail {number} (password changed) was given up: the mail server is out of reach" in caplog.text


def test_a_server_out_of_reach_is_left_alone_for_a_minute(postroom: Postroom) -> None:
    for _ in range(3):
        postroom.post(NOTICE)
    down, clock = Down(), postroom.world.clock
    delivery = postroom.delivery(down)
    tries = []
    for _ in range(4):
        delivery.turn(clock.now())
        tries.append(down.tried)
        clock.advance(seconds=20)
    assert tries == [1, 1, 1, 2]


def test_no_more_mails_leave_in_a_minute_than_the_settings_say(postroom: Postroom) -> None:
    for _ in range(7):
        postroom.post(NOTICE)
    delivery, clock = postroom.delivery(per_minute=3), postroom.world.clock
    sent = []
    for _ in range(5):
        delivery.turn(clock.now())
        sent.append(len(postroom.messages()))
        clock.advance(seconds=20)
    assert sent == [3, 3, 3, 6, 6]


def test_a_rest_that_began_on_a_clock_that_had_leapt_ends_with_its_return(postroom: Postroom) -> None:
    postroom.post(NOTICE)
    down, at = Down(), postroom.world.clock.now()
    delivery = postroom.delivery(down)
    delivery.turn(at + timedelta(hours=25))
    postroom.post(NOTICE)
    delivery.turn(at)
    assert down.tried == 2


def test_what_was_tried_on_a_clock_that_had_leapt_counts_no_more_after_its_return(postroom: Postroom) -> None:
    for _ in range(3):
        postroom.post(NOTICE)
    delivery, at = postroom.delivery(per_minute=2), postroom.world.clock.now()
    delivery.turn(at + timedelta(hours=25))
    delivery.turn(at)
    assert len(postroom.messages()) == 3


def test_facts_of_which_no_text_can_be_made_do_not_keep_the_other_mails(postroom: Postroom) -> None:
    broken = postroom.post(MailKind.RECOVERY_CODE_USED, left=3)
    with postroom.world.database.write() as connection:
        connection.execute(update(Mail).where(Mail.id == broken).values(facts="{}"))
    good = postroom.post(NOTICE)
    postroom.turn()
    assert postroom.row(broken).given_up_at is not None
    assert postroom.row(good).sent_at is not None


def test_a_delivery_that_is_ended_starts_no_other_mail(postroom: Postroom) -> None:
    postroom.post(NOTICE)
    delivery = postroom.delivery()
    delivery.end()
    delivery.turn(postroom.world.clock.now())
    assert postroom.messages() == []


# The record


def test_the_record_hears_of_link_and_mail_without_address_or_name(postroom: Postroom) -> None:
    postroom.post(MailKind.PASSWORD_RESET)
    postroom.turn()
    account = postroom.world.accounts["o.office"]
    events = postroom.world.recorded(EventKind.LINK_SENT, EventKind.MAIL_SENT)
    assert [(event.event, event.object, event.reason, event.result) for event in events] == [
        (EventKind.LINK_SENT, f"account:{account}", "password", Result.PERMIT),
        (EventKind.MAIL_SENT, f"account:{account}", "password reset", Result.PERMIT),
    ]
    assert "school.example" not in repr(events)


def test_the_record_hears_of_a_mail_that_was_given_up(postroom: Postroom, running: Running) -> None:
    postroom.post(NOTICE)
    running.postmaster.says["RCPT"] = "550 unknown"
    postroom.turn(Smtp(running.settings()))
    [event] = postroom.world.recorded(EventKind.MAIL_FAILED)
    assert (event.object, event.reason, event.result) == (
        f"account:{postroom.world.accounts['o.office']}",
        "password changed",
        Result.ERROR,
    )


# The outbox


def test_a_mail_is_posted_with_the_change_or_not_at_all(postroom: Postroom) -> None:
    world = postroom.world
    letter = Letter(kind=NOTICE, address="o.office@school.example", account_id=world.accounts["o.office"], facts={})

    def broken_off() -> None:
        with world.database.write() as connection:
            post(connection, letter, world.clock.now(), world.core.entropy)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    with world.database.read() as connection:
        assert connection.execute(select(Mail.id)).all() == []


@pytest.mark.parametrize("facts", [{}, {"left": 1, "password": "canary"}])
def test_a_letter_has_the_facts_of_its_text_and_no_others(postroom: Postroom, facts: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="needs"):
        postroom.post(MailKind.RECOVERY_CODE_USED, **facts)


def test_a_day_s_work_forgets_old_mails_but_those_that_wait(postroom: Postroom) -> None:
    sent = postroom.post(NOTICE)
    postroom.turn()
    waits = postroom.post(NOTICE)
    with postroom.world.database.read() as connection:
        posted = connection.execute(select(Mail.created_at).where(Mail.id == sent)).scalar_one()
    for at, left in ((posted + KEPT, {sent, waits}), (posted + KEPT + timedelta(seconds=1), {waits})):
        do("old mails", postroom.world.services, at)
        with postroom.world.database.read() as connection:
            assert set(connection.execute(select(Mail.id)).scalars()) == left


def test_the_outbox_says_how_it_stands(postroom: Postroom, running: Running) -> None:
    begun = postroom.world.clock.now()
    postroom.post(NOTICE)
    running.postmaster.says["RCPT"] = "550 unknown"
    postroom.turn(Smtp(running.settings()))
    postroom.post(NOTICE)
    postroom.turn(Down())
    postroom.post(NOTICE)
    postroom.post(MailKind.INVITATION)
    postroom.turn(Down())
    postroom.turn()
    with postroom.world.database.read() as connection:
        found = standing(connection, begun)
    assert (found.waiting, found.late, found.given_up, found.oldest) == (2, 2, 1, begun)
    assert found.trouble == "the mail server is out of reach"
