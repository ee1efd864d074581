"""Enrolling, resets, leaving and lists of people in SQL, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from auth import accounts
from auth.links import Purpose
from auth.principal import AccountState, Layout
from auth.totp import code_at
from gateway import staffing
from gateway.enrolment import ASKED_A_DAY, LinkDead, NotAccepted
from gateway.mail import outbox
from gateway.mail.outbox import MailKind
from policy import roster
from policy.membership import SERVICE_ROLE
from tests.support.activation import AT_THE_PAGES, PASSWORD
from tests.support.concurrency import all_at_once
from tests.support.enrolled import People, people
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, THERE

NEW = "granite-harbour-tulip"


@pytest.fixture
def folk(server: PostgresServer | None, tmp_path: Path) -> Iterator[People]:
    """People of a small world, on each database."""
    with people(tmp_path, server) as made:
        yield made


def test_somebody_activates_changes_both_factors_and_signs_in(folk: People) -> None:
    who = folk.activated("n.new")
    own, me = folk.services.own, folk.signed_in(who)
    own.change_password(me, PASSWORD, NEW, AT_THE_PAGES)
    me = folk.signed_in(who, password=NEW)
    secret = own.begin_codes(me, NEW, AT_THE_PAGES).secret
    codes, _ = own.confirm_codes(me, folk.code(secret), AT_THE_PAGES)
    assert (len(codes), folk.signed_in(who, password=NEW, secret=secret).username) == (10, "n.new")


def test_of_many_who_finish_an_activation_at_once_one_does(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    code = code_at(enrolment.begin_codes(token, None, AT_THE_PAGES).secret, folk.world.clock.now())
    outcomes = all_at_once(6, lambda: enrolment.confirm_codes(token, code, AT_THE_PAGES))
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotAccepted | LinkDead) for outcome in outcomes) == 5


def test_of_many_who_use_a_reset_at_once_one_does(folk: People) -> None:
    folk.activated("n.new")
    token = folk.token("n.new", Purpose.PASSWORD)
    numbers = iter(range(10))

    def choose() -> None:
        folk.services.enrolment.choose_password(token, f"{NEW}-{next(numbers)}", AT_THE_PAGES)

    outcomes = all_at_once(4, choose)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, LinkDead) for outcome in outcomes) == 3


def test_links_that_are_asked_for_are_bounded_each_day(folk: People) -> None:
    folk.activated("n.new")
    folk.clear()
    for _ in range(ASKED_A_DAY + 1):
        folk.services.enrolment.forgotten("n.new", AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert folk.kinds() == ["password reset"] * ASKED_A_DAY


@pytest.mark.parametrize("name", ["\0", "\ud800", "x" * 300, "a\x00b@school.example"])
def test_a_name_that_no_database_takes_is_nobodys(folk: People, caplog: pytest.LogCaptureFixture, name: str) -> None:
    folk.services.enrolment.forgotten(name, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert (folk.mails(), caplog.records) == ([], [])


def test_leaving_ends_a_script_after_two_weeks_and_drops_what_waits(folk: People) -> None:
    folk.invite("n.new")
    folk.activated("o.owner")
    folk.world.service("nightly", "o.owner", {HERE: ["SEND"]})
    for name in ("n.new", "o.owner"):
        account = folk.world.account(name)
        with folk.act() as change:
            staffing.leave(folk.world.core, change, account)
    assert folk.world.account("nightly").expires_at == folk.world.clock.now() + timedelta(days=14)
    waiting = [(mail.kind, mail.address) for mail in folk.mails()]
    assert ("invitation", "n.new@school.example") not in waiting
    assert waiting[-1] == ("script without owner", "h.head@school.example")


def test_an_account_becomes_active_again_or_invited_as_it_was(folk: People) -> None:
    folk.activated("n.new")
    folk.invite("i.new")
    for name, state in (("n.new", AccountState.ACTIVE), ("i.new", AccountState.INVITED)):
        for act in (lambda c, a: staffing.suspend(folk.world.core, c, a, "lost"), None):
            account = folk.world.account(name)
            with folk.act() as change:
                if act is not None:
                    act(change, account)
                else:
                    assert staffing.activate(folk.world.core, change, account) is state


def test_people_of_a_headteacher_and_every_belonging_are_listed(folk: People) -> None:
    folk.world.person("b.both", {HERE: ["SEND"], THERE: ["General"]}, layout=Layout.BY_SCHOOL)
    folk.world.service("nightly", "h.head", {HERE: ["SEND"]})
    at, ids = folk.world.clock.now(), folk.world.accounts
    with folk.world.database.read() as connection:
        assert roster.heads_of(connection, folk.world.schools[HERE], at) == [ids["h.head"]]
        assert roster.heads_of(connection, folk.world.schools[THERE], at) == []
        assert roster.headteachers(connection) == {HERE: "h.head"}
        assert roster.staff_of(connection, ids["h.head"], at) == [
            (ids[name], folk.world.schools[HERE], "Alder Primary", role)
            for name, role in (
                ("b.both", "Office"),
                ("h.head", "Headteacher"),
                ("nightly", SERVICE_ROLE),
                ("o.office", "Office"),
            )
        ]
        assert roster.staff_of(connection, ids["b.both"], at) == []
        every = roster.every_belonging(connection, at)
        assert every[ids["b.both"]] == [(HERE, "Office", ("SEND",)), (THERE, "Office", ("General",))]
        assert every[ids["h.head"]] == [(HERE, "Headteacher", ())]
        assert [script.username for script in accounts.scripts_of(connection, ids["h.head"])] == ["nightly"]


def test_invitations_that_reach_somebody_are_told_from_those_that_do_not(folk: People) -> None:
    for name in ("a.sent", "b.dropped", "c.lost"):
        folk.invite(name)
    at = folk.world.clock.now()
    with folk.world.database.write() as connection:
        waiting = {mail.account_id: mail for mail in outbox.due(connection, at, 10)}
        outbox.sent(connection, waiting[folk.world.accounts["a.sent"]], at)
        outbox.give_up(connection, waiting[folk.world.accounts["c.lost"]], at, "no such mailbox")
        kinds = (MailKind.INVITATION,)
        assert outbox.drop_waiting(connection, folk.world.accounts["b.dropped"], kinds, at, "gone") == 1
        assert staffing.invited_since(connection, at) == {folk.world.accounts["a.sent"]}
        assert staffing.invited_since(connection, at + timedelta(days=15)) == set()
