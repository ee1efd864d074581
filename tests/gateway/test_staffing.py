"""What is done to an account by others: suspended, let in again, ended, handed over, reset, unlocked [R19]."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth import accounts
from auth.authenticator import PageSignIn
from auth.links import Purpose
from auth.principal import AccountState, Door, Peer
from config.clock import london_date
from config.errors import OperatorError
from gateway import staffing
from policy import membership, roster
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE
from tests.support.activation import AT_THE_PAGES, PASSWORD, activate
from tests.support.enrolled import People
from tests.support.people import KEY
from tests.support.world import HERE, OFFICER, THERE


def suspend(folk: People, username: str) -> None:
    account = folk.world.account(username)
    with folk.act() as change:
        staffing.suspend(folk.world.core, change, account, "stolen laptop")


def leave(folk: People, username: str) -> list[staffing.Orphan]:
    account = folk.world.account(username)
    with folk.act() as change:
        return staffing.leave(folk.world.core, change, account)


# Suspending


def test_who_is_suspended_is_out_and_comes_in_again_with_the_same_credentials(folk: People) -> None:
    who = folk.activated("n.new")
    suspend(folk, "n.new")
    assert not isinstance(folk.try_signing_in(who), PageSignIn)
    with folk.act() as change:
        state = staffing.activate(folk.world.core, change, folk.world.account("n.new"))
    assert state is AccountState.ACTIVE
    assert folk.signed_in(who).username == "n.new"


def test_a_suspension_stands_in_the_record_with_its_reason(folk: People) -> None:
    suspend(folk, "o.office")
    assert folk.reasons(EventKind.ACCOUNT_CHANGED)[-1] == "suspended: stolen laptop"


def test_a_suspension_keeps_links_that_wait_from_being_mailed(folk: People) -> None:
    folk.invite("n.new")
    suspend(folk, "n.new")
    assert folk.mails() == []


def test_who_never_finished_the_invitation_is_invited_after_a_suspension(folk: People) -> None:
    folk.invite("n.new")
    suspend(folk, "n.new")
    with folk.act() as change:
        state = staffing.activate(folk.world.core, change, folk.world.account("n.new"))
    assert state is AccountState.INVITED


def test_nobody_keeps_out_the_own_account(folk: People) -> None:
    account = folk.world.account(OFFICER)
    for act in (
        lambda change: staffing.suspend(folk.world.core, change, account, "by mistake"),
        lambda change: staffing.leave(folk.world.core, change, account),
    ):
        with pytest.raises(OperatorError, match="another administrator"), folk.act(OFFICER) as change:
            act(change)
    assert folk.world.account(OFFICER).state is AccountState.ACTIVE


# Leaving


def test_leaving_ends_all_at_once(folk: People) -> None:
    who = folk.activated("n.new")
    browser = folk.try_signing_in(who)
    assert isinstance(browser, PageSignIn)
    own, authenticator = folk.services.own, folk.services.authenticator
    device = own.add_device(browser.principal, "PC", (), AT_THE_PAGES)
    key = own.add_key(browser.principal, KEY, "PC", AT_THE_PAGES)
    link = folk.token("n.new", Purpose.PASSWORD)
    assert leave(folk, "n.new") == []
    account = folk.world.account("n.new")
    assert (account.state, account.has_password, account.has_totp) == (AccountState.LEFT, False, False)
    assert folk.services.enrolment.look(link) is None
    assert authenticator.resume(browser.token, AT_THE_PAGES) is None
    assert authenticator.check_device(authenticator.candidate("n.new", AT_THE_PAGES), device) is None
    assert own.keys(browser.principal)[0].revoked_at is not None, key
    assert own.recovery_left(browser.principal) == 0
    with folk.world.database.read() as connection:
        assert roster.belongings(connection, account.id, folk.world.clock.now()) == []
    assert folk.mails() == []


def test_leaving_is_recorded_with_each_role_that_ends(folk: People) -> None:
    leave(folk, "o.office")
    assert folk.reasons(EventKind.ACCOUNT_CHANGED)[-1] == "left"
    [event] = folk.world.recorded(EventKind.ACCESS_REVOKED)
    assert (event.reason, event.school) == ("role Office", folk.world.schools[HERE])


def test_nobody_leaves_twice(folk: People) -> None:
    leave(folk, "o.office")
    with pytest.raises(OperatorError, match="has left already"):
        leave(folk, "o.office")


def test_the_scripts_of_a_leaver_end_after_two_weeks_and_their_headteachers_are_told(folk: People) -> None:
    folk.activated("n.new")
    folk.world.service("nightly", "n.new", {HERE: ["SEND"]})
    with folk.world.changing() as connection:
        account, school = folk.world.accounts["nightly"], folk.world.schools[THERE]
        membership.join(connection, account, school, SERVICE_ROLE, folk.world.clock.now())
    folk.clear()
    [orphan] = leave(folk, "n.new")
    ends = folk.world.clock.now() + timedelta(days=14)
    assert (orphan.script.username, orphan.ends) == ("nightly", ends)
    assert (orphan.told, orphan.untold) == ((HERE,), (THERE,))
    assert folk.world.account("nightly").expires_at == ends
    [mail] = folk.mails()
    assert (mail.kind, mail.address) == ("script without owner", "h.head@school.example")
    assert mail.facts["last_day"] == london_date(ends).isoformat()
    assert (mail.facts["script"], mail.facts["owner"]) == ("nightly", "N.New")


def test_a_script_that_ends_sooner_is_not_prolonged_by_its_owners_leaving(folk: People) -> None:
    folk.activated("n.new")
    folk.world.service("nightly", "n.new", {HERE: ["SEND"]})
    soon = folk.world.clock.now() + timedelta(days=3)
    with folk.world.changing() as connection:
        accounts.set_expiry(connection, folk.world.accounts["nightly"], soon, folk.world.clock.now())
    [orphan] = leave(folk, "n.new")
    assert orphan.ends == soon


def test_whoever_comes_back_does_not_own_the_scripts_of_before(folk: People) -> None:
    folk.activated("n.new")
    folk.world.service("nightly", "n.new", {HERE: ["SEND"]})
    leave(folk, "n.new")
    with folk.world.database.read() as connection:
        assert accounts.scripts_of(connection, folk.world.accounts["n.new"]) == []


def test_a_script_that_has_ended_by_itself_stands_in_nobodys_way(folk: People) -> None:
    folk.activated("n.new")
    folk.world.service("nightly", "n.new", {HERE: ["SEND"]})
    folk.world.clock.advance(days=301)
    ended = folk.world.account("nightly").expires_at
    assert [orphan.ends for orphan in leave(folk, "n.new")] == [ended]


# Handing over


def test_a_script_goes_on_with_another_owner(folk: People) -> None:
    folk.activated("n.new")
    folk.world.service("nightly", "n.new", {HERE: ["SEND"]})
    leave(folk, "n.new")
    until = folk.world.clock.now() + timedelta(days=200)
    script, owner = folk.world.account("nightly"), folk.world.account("o.office")
    with folk.act() as change:
        staffing.hand_over(folk.world.core, change, script, owner, until)
    now = folk.world.account("nightly")
    assert (now.owner_id, now.expires_at) == (owner.id, until)


@pytest.mark.parametrize("owner", ["nightly", "gone", "i.invited"])
def test_a_script_is_owned_by_an_active_person(folk: People, owner: str) -> None:
    folk.world.service("nightly", "h.head", {HERE: ["SEND"]})
    folk.activated("gone")
    folk.invite("i.invited")
    leave(folk, "gone")
    script, person = folk.world.account("nightly"), folk.world.account(owner)
    with pytest.raises(OperatorError, match="owned by a named person with an active account"), folk.act() as change:
        staffing.hand_over(folk.world.core, change, script, person, None)


def test_a_person_is_not_handed_over(folk: People) -> None:
    person, owner = folk.world.account("o.office"), folk.world.account("h.head")
    with pytest.raises(OperatorError, match="Only a script's account has an owner"), folk.act() as change:
        staffing.hand_over(folk.world.core, change, person, owner, None)


def test_a_script_lives_no_longer_with_a_new_owner_than_a_new_one_would(folk: People) -> None:
    folk.world.service("nightly", "h.head", {HERE: ["SEND"]})
    script, owner = folk.world.account("nightly"), folk.world.account("o.office")
    late = folk.world.clock.now() + timedelta(days=401)
    with pytest.raises(OperatorError, match="within 400 days"), folk.act() as change:
        staffing.hand_over(folk.world.core, change, script, owner, late)
    assert folk.world.account("nightly").owner_id == folk.world.accounts["h.head"]


# Resets


def test_a_reset_ends_the_password_with_its_sessions_and_mails_a_link(folk: People) -> None:
    who = folk.activated("n.new")
    browser = folk.try_signing_in(who)
    assert isinstance(browser, PageSignIn)
    folk.clear()
    with folk.act() as change:
        staffing.reset_password(folk.world.core, change, folk.world.account("n.new"))
    account = folk.world.account("n.new")
    assert (account.has_password, account.has_totp, account.state) == (False, True, AccountState.ACTIVE)
    assert folk.services.authenticator.resume(browser.token, AT_THE_PAGES) is None
    [mail] = folk.mails()
    assert (mail.kind, mail.facts) == ("password reset", {"by": "O.Officer"})


@pytest.mark.parametrize("reset", [staffing.reset_password, staffing.reset_codes])
def test_a_reset_wakes_nobody_who_is_suspended(folk: People, reset: object) -> None:
    folk.activated("n.new")
    suspend(folk, "n.new")
    assert callable(reset)
    with folk.act() as change:
        reset(folk.world.core, change, folk.world.account("n.new"))
    assert folk.world.account("n.new").state is AccountState.SUSPENDED


@pytest.mark.parametrize("reset", [staffing.reset_password, staffing.reset_codes])
@pytest.mark.parametrize(("username", "words"), [("nightly", "is a script's"), ("i.invited", "account invite")])
def test_what_has_nothing_to_reset_is_refused(folk: People, reset: object, username: str, words: str) -> None:
    folk.world.service("nightly", "h.head", {HERE: ["SEND"]})
    folk.invite("i.invited")
    assert callable(reset)
    account = folk.world.account(username)
    with pytest.raises(OperatorError, match=words), folk.act() as change:
        reset(folk.world.core, change, account)


# Guesses and trust


def test_an_account_that_was_guessed_at_is_open_again_at_once(folk: People) -> None:
    who = folk.activated("n.new")
    authenticator = folk.services.authenticator
    stranger = Peer(address="203.0.113.9", door=Door.PORTAL)
    candidate = authenticator.candidate("n.new", stranger)
    for _ in range(10):
        assert authenticator.check_password(candidate, "a guess") is None
    assert authenticator.check_password(candidate, who.password) is None
    account = folk.world.account("n.new")
    with folk.act() as change:
        assert staffing.unlock(folk.world.core, change, account) == 10
    assert authenticator.check_password(candidate, PASSWORD) is not None
    assert folk.reasons(EventKind.GUESSES_CLEARED) == ["10"]


# Invitations


def test_whoever_has_left_comes_back_by_an_invitation_without_anything_of_before(folk: People) -> None:
    folk.activated("n.new")
    leave(folk, "n.new")
    folk.clear()
    with folk.act() as change:
        staffing.invite(folk.world.core, change, folk.world.account("n.new"))
    assert folk.world.account("n.new").state is AccountState.INVITED
    [mail] = folk.mails()
    assert (mail.kind, mail.facts) == ("invitation", {"by": "O.Officer"})
    folk.world.pass_time(days=1)
    who = activate(folk.services, "n.new")
    with folk.world.database.read() as connection:
        held = roster.belongings(connection, folk.world.accounts["n.new"], folk.world.clock.now())
    assert (held, len(who.recovery_codes)) == ([], 10)


def test_an_invitation_says_for_which_school_it_is(folk: People) -> None:
    folk.invite("n.new")
    assert folk.mails()[-1].facts["schools"] == ["Alder Primary"]


def test_of_two_invitations_that_wait_the_newer_is_sent(folk: People) -> None:
    folk.invite("n.new")
    account = folk.world.account("n.new")
    with folk.act() as change:
        staffing.invite(folk.world.core, change, account)
    assert folk.kinds() == ["invitation"]


@pytest.mark.parametrize("username", ["o.office", "nightly"])
def test_only_people_who_are_not_active_yet_are_invited(folk: People, username: str) -> None:
    folk.world.service("nightly", "h.head", {HERE: ["SEND"]})
    account = folk.world.account(username)
    with pytest.raises(OperatorError, match="only people who are not active yet"), folk.act() as change:
        staffing.invite(folk.world.core, change, account)
