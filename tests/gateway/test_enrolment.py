"""What the holder of a mailed link may do, once, and what nobody is told [R20]."""

from __future__ import annotations

import pytest

from auth.authenticator import PageSignIn
from auth.links import LIFE, Purpose
from auth.principal import AccountState
from auth.totp import code_at
from config.errors import OperatorError
from gateway import staffing
from gateway.about import TERMS_VERSION
from gateway.enrolment import ASKED_A_DAY, LinkDead, NotAccepted
from policy.audit.events import EventKind
from tests.support.activation import AT_THE_PAGES, PASSWORD
from tests.support.concurrency import all_at_once
from tests.support.enrolled import People

NEW = "granite-harbour-tulip"


# Activation


def test_whoever_activates_signs_in_with_what_was_chosen(folk: People) -> None:
    who = folk.activated("n.new")
    account = folk.world.account("n.new")
    assert (account.state, account.terms_accepted_at) == (AccountState.ACTIVE, folk.world.clock.now())
    assert len(set(who.recovery_codes)) == 10
    assert folk.signed_in(who).username == "n.new"


def test_an_activation_stands_in_the_record_as_the_persons_own_act(folk: People) -> None:
    folk.activated("n.new")
    own = [event for event in folk.world.recorded() if event.actor == folk.world.accounts["n.new"]]
    assert [(event.event, event.reason) for event in own] == [
        (EventKind.CREDENTIAL_ADDED, "password"),
        (EventKind.ACCOUNT_CHANGED, "one-time codes begun"),
        (EventKind.LINK_USED, "activation"),
        (EventKind.CREDENTIAL_ADDED, "one-time codes"),
        (EventKind.CREDENTIAL_ADDED, "recovery codes"),
        (EventKind.TERMS_ACCEPTED, f"version {TERMS_VERSION}"),
        (EventKind.ACCOUNT_CHANGED, "activated"),
    ]
    assert {(event.address, event.protocol, event.client) for event in own} == {("192.0.2.7", "portal", "a browser")}


def test_looking_at_a_link_says_whose_it_is_and_spends_nothing(folk: People) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    for has_password in (False, True):
        for _ in range(2):
            opened = folk.services.enrolment.look(token)
            assert opened is not None
            assert (opened.purpose, opened.username, opened.staff) == (Purpose.ACTIVATION, "n.new", False)
            assert opened.has_password is has_password
        folk.services.enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)


def test_a_password_alone_activates_nobody(folk: People) -> None:
    folk.invite("n.new")
    folk.services.enrolment.choose_password(folk.token("n.new"), PASSWORD, AT_THE_PAGES)
    assert folk.world.account("n.new").state is AccountState.INVITED


def test_codes_come_after_the_password(folk: People) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    with pytest.raises(NotAccepted, match="Choose a password first"):
        folk.services.enrolment.begin_codes(token, None, AT_THE_PAGES)


def test_a_code_of_another_secret_confirms_nothing_and_the_link_lives(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    first = enrolment.begin_codes(token, None, AT_THE_PAGES)
    second = enrolment.begin_codes(token, None, AT_THE_PAGES)
    now = folk.world.clock.now()
    with pytest.raises(NotAccepted):
        enrolment.confirm_codes(token, code_at(first.secret, now), AT_THE_PAGES)
    assert folk.world.account("n.new").state is AccountState.INVITED
    assert len(enrolment.confirm_codes(token, code_at(second.secret, now), AT_THE_PAGES)) == 10


def test_a_secret_waits_an_hour_for_its_code(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    new = enrolment.begin_codes(token, None, AT_THE_PAGES)
    folk.world.pass_time(minutes=61)
    with pytest.raises(NotAccepted):
        enrolment.confirm_codes(token, code_at(new.secret, folk.world.clock.now()), AT_THE_PAGES)


def test_an_activation_link_is_good_once(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    secret = enrolment.begin_codes(token, None, AT_THE_PAGES).secret
    enrolment.confirm_codes(token, code_at(secret, folk.world.clock.now()), AT_THE_PAGES)
    assert enrolment.look(token) is None
    with pytest.raises(LinkDead):
        enrolment.choose_password(token, NEW, AT_THE_PAGES)


def test_of_many_who_confirm_at_once_one_does(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    code = code_at(enrolment.begin_codes(token, None, AT_THE_PAGES).secret, folk.world.clock.now())
    outcomes = all_at_once(6, lambda: enrolment.confirm_codes(token, code, AT_THE_PAGES))
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotAccepted | LinkDead) for outcome in outcomes) == 5


def test_an_invitation_runs_out(folk: People) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    folk.world.clock.advance(seconds=LIFE[Purpose.ACTIVATION].total_seconds())
    assert folk.services.enrolment.look(token) is None


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "\0", "A" * 43, "\ud800", "A" * 100_000, "' OR 1=1 --"])
def test_what_is_no_link_opens_nothing(folk: People, token: str) -> None:
    enrolment = folk.services.enrolment
    assert enrolment.look(token) is None
    for act in (
        lambda: enrolment.choose_password(token, PASSWORD, AT_THE_PAGES),
        lambda: enrolment.begin_codes(token, PASSWORD, AT_THE_PAGES),
        lambda: enrolment.confirm_codes(token, "123456", AT_THE_PAGES),
    ):
        with pytest.raises(LinkDead):
            act()


@pytest.mark.parametrize("state", ["suspended", "left"])
def test_who_was_suspended_or_has_left_activates_nothing(folk: People, state: str) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    with folk.act() as change:
        account = folk.world.account("n.new")
        if state == "left":
            staffing.leave(folk.world.core, change, account)
        else:
            staffing.suspend(folk.world.core, change, account, "left before beginning")
    assert folk.services.enrolment.look(token) is None


@pytest.mark.parametrize(
    "text",
    [
        "short",
        "passwordpassword",
        "n.new@school.example",
        "Alder Primary!",
        "830-2001-830-2001",
        "x" * 129,
        "\ud800" * 20,
    ],
)
def test_a_weak_password_is_refused_with_what_would_do(folk: People, text: str) -> None:
    folk.invite("n.new")
    with pytest.raises(OperatorError) as refused:
        folk.services.enrolment.choose_password(folk.token("n.new"), text, AT_THE_PAGES)
    assert text not in str(refused.value)
    assert folk.hash_of("n.new") is None


def test_people_of_the_authority_choose_longer_passwords(folk: People) -> None:
    folk.invite("u.new", staff=True)
    token, enrolment = folk.token("u.new"), folk.services.enrolment
    with pytest.raises(OperatorError, match="15"):
        enrolment.choose_password(token, "kelp-moth-opal", AT_THE_PAGES)
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    opened = enrolment.look(token)
    assert opened is not None and opened.staff


# A new password


def test_a_new_password_is_the_only_one_from_then_on(folk: People) -> None:
    who = folk.activated("n.new")
    folk.clear()
    folk.services.enrolment.choose_password(folk.token("n.new", Purpose.PASSWORD), NEW, AT_THE_PAGES)
    assert folk.kinds() == ["password changed"]
    assert not isinstance(folk.try_signing_in(who), PageSignIn)
    assert folk.signed_in(who, password=NEW).username == "n.new"


def test_a_new_password_ends_the_sessions_of_the_pages(folk: People) -> None:
    who = folk.activated("n.new")
    outcome = folk.try_signing_in(who)
    assert isinstance(outcome, PageSignIn)
    folk.world.pass_time(seconds=1)
    folk.services.enrolment.choose_password(folk.token("n.new", Purpose.PASSWORD), NEW, AT_THE_PAGES)
    assert folk.services.authenticator.resume(outcome.token, AT_THE_PAGES) is None


def test_a_new_password_leaves_the_codes_and_the_state_as_they_were(folk: People) -> None:
    folk.activated("n.new")
    with folk.act() as change:
        staffing.suspend(folk.world.core, change, folk.world.account("n.new"), "stolen laptop")
    folk.services.enrolment.choose_password(folk.token("n.new", Purpose.PASSWORD), NEW, AT_THE_PAGES)
    account = folk.world.account("n.new")
    assert (account.state, account.has_totp) == (AccountState.SUSPENDED, True)


def test_a_reset_link_opens_neither_codes_nor_an_activation(folk: People) -> None:
    folk.activated("n.new")
    token, enrolment = folk.token("n.new", Purpose.PASSWORD), folk.services.enrolment
    with pytest.raises(LinkDead):
        enrolment.begin_codes(token, PASSWORD, AT_THE_PAGES)
    with pytest.raises(LinkDead):
        enrolment.confirm_codes(token, "123456", AT_THE_PAGES)


# A new authenticator


def test_a_new_authenticator_wants_the_password(folk: People) -> None:
    folk.activated("n.new")
    token, enrolment = folk.token("n.new", Purpose.CODES), folk.services.enrolment
    for wrong in (None, "", NEW):
        with pytest.raises(NotAccepted):
            enrolment.begin_codes(token, wrong, AT_THE_PAGES)
    assert enrolment.begin_codes(token, PASSWORD, AT_THE_PAGES).secret


def test_guessing_the_password_behind_a_link_is_slowed_like_any_guessing(folk: People) -> None:
    folk.activated("n.new")
    token, enrolment = folk.token("n.new", Purpose.CODES), folk.services.enrolment
    for _ in range(10):
        with pytest.raises(NotAccepted):
            enrolment.begin_codes(token, "wrong", AT_THE_PAGES)
    with pytest.raises(NotAccepted):
        enrolment.begin_codes(token, PASSWORD, AT_THE_PAGES)


def test_a_new_authenticator_replaces_the_old_one_and_its_recovery_codes(folk: People) -> None:
    who = folk.activated("n.new")
    folk.clear()
    token, enrolment = folk.token("n.new", Purpose.CODES), folk.services.enrolment
    secret = enrolment.begin_codes(token, PASSWORD, AT_THE_PAGES).secret
    codes = enrolment.confirm_codes(token, folk.code(secret), AT_THE_PAGES)
    assert not set(codes) & set(who.recovery_codes)
    assert folk.kinds() == ["one-time codes changed"]
    assert not isinstance(folk.try_signing_in(who), PageSignIn)
    assert folk.signed_in(who, secret=secret).username == "n.new"


def test_a_secret_that_was_begun_leaves_the_old_one_in_use(folk: People) -> None:
    who = folk.activated("n.new")
    folk.services.enrolment.begin_codes(folk.token("n.new", Purpose.CODES), PASSWORD, AT_THE_PAGES)
    assert folk.signed_in(who).username == "n.new"


# Links that are asked for


def test_a_forgotten_password_is_answered_by_a_mail_to_its_owner(folk: People) -> None:
    folk.activated("n.new")
    folk.clear()
    for name in ("N.New", "n.new@school.example"):
        folk.services.enrolment.forgotten(name, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert [(mail.kind, mail.address) for mail in folk.mails()] == [("password reset", "n.new@school.example")] * 2
    assert folk.hash_of("n.new") is not None
    assert folk.reasons(EventKind.ACCOUNT_CHANGED)[-2:] == ["password reset asked for"] * 2


def test_who_is_only_invited_is_invited_again(folk: People) -> None:
    folk.invite("n.new")
    folk.clear()
    folk.services.enrolment.forgotten("n.new", AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert folk.kinds() == ["invitation"]


@pytest.mark.parametrize("name", ["nobody", "", "nightly", "gone", "x" * 100_000, "\0", "\ud800", "%", "a@b"])
def test_a_name_that_gets_no_link_is_answered_alike_and_sends_nothing(folk: People, name: str) -> None:
    folk.world.service("nightly", "h.head", {})
    folk.activated("gone")
    with folk.act() as change:
        staffing.leave(folk.world.core, change, folk.world.account("gone"))
    folk.clear()
    before = len(folk.world.recorded())
    assert folk.services.enrolment.forgotten(name, AT_THE_PAGES) is None  # type: ignore[func-returns-value]
    folk.services.enrolment.settle()
    assert folk.mails() == []
    assert len(folk.world.recorded()) == before


def test_an_account_is_mailed_so_many_links_a_day_and_no_more(folk: People) -> None:
    folk.activated("n.new")
    folk.clear()
    for _ in range(ASKED_A_DAY + 3):
        folk.services.enrolment.forgotten("n.new", AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert len(folk.mails()) == ASKED_A_DAY
    folk.world.pass_time(days=1, seconds=1)
    folk.services.enrolment.forgotten("n.new", AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert len(folk.mails()) == ASKED_A_DAY + 1


def test_a_dead_link_sends_a_new_one_to_the_same_address(folk: People) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    folk.clear()
    folk.world.clock.advance(seconds=LIFE[Purpose.ACTIVATION].total_seconds())
    folk.services.enrolment.ask_again(token, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert [(mail.kind, mail.address) for mail in folk.mails()] == [("invitation", "n.new@school.example")]


def test_a_link_that_lives_or_never_was_sends_nothing(folk: People) -> None:
    folk.invite("n.new")
    token = folk.token("n.new")
    folk.clear()
    for one in (token, "A" * 43, ""):
        folk.services.enrolment.ask_again(one, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert folk.mails() == []


def test_the_link_of_an_activation_that_was_finished_sends_nothing(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    secret = enrolment.begin_codes(token, None, AT_THE_PAGES).secret
    enrolment.confirm_codes(token, code_at(secret, folk.world.clock.now()), AT_THE_PAGES)
    folk.clear()
    enrolment.ask_again(token, AT_THE_PAGES)
    enrolment.settle()
    assert folk.mails() == []


def test_a_link_to_codes_is_sent_again_only_while_the_person_has_none(folk: People) -> None:
    folk.activated("n.new")
    dead = folk.token("n.new", Purpose.CODES)
    folk.world.pass_time(hours=25)
    folk.clear()
    folk.services.enrolment.ask_again(dead, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert folk.mails() == []
    with folk.act() as change:
        staffing.reset_codes(folk.world.core, change, folk.world.account("n.new"))
    folk.services.enrolment.ask_again(dead, AT_THE_PAGES)
    folk.services.enrolment.settle()
    assert folk.kinds() == ["one-time codes reset"] * 2


def test_no_secret_shows_in_what_is_handed_out(folk: People) -> None:
    folk.invite("n.new")
    token, enrolment = folk.token("n.new"), folk.services.enrolment
    enrolment.choose_password(token, PASSWORD, AT_THE_PAGES)
    new = enrolment.begin_codes(token, None, AT_THE_PAGES)
    shown = repr(new) + repr(enrolment.look(token)) + str(LinkDead()) + str(NotAccepted())
    assert new.secret not in shown and token not in shown
