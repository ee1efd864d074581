"""What somebody signed in to the pages does with the own credentials, and a headteacher for the own staff."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from auth import accounts
from auth.authenticator import PageSignIn
from auth.principal import AccountState, Factor, Layout, Principal
from auth.totp import code_at
from config.errors import OperatorError
from gateway import staffing
from gateway.enrolment import NotAccepted
from policy import membership
from policy.audit.events import EventKind, Result
from tests.support.activation import AT_THE_PAGES, PASSWORD, Activated
from tests.support.concurrency import all_at_once
from tests.support.enrolled import People
from tests.support.people import KEY
from tests.support.world import HERE, THERE

NEW = "granite-harbour-tulip"


@pytest.fixture
def who(folk: People) -> Activated:
    """Somebody who has activated; the mails of that are gone."""
    made = folk.activated("n.new")
    folk.clear()
    return made


@pytest.fixture
def me(folk: People, who: Activated) -> Principal:
    return folk.signed_in(who)


# The password


def test_a_changed_password_is_the_only_one_from_then_on(folk: People, who: Activated, me: Principal) -> None:
    folk.services.own.change_password(me, PASSWORD, NEW, AT_THE_PAGES)
    assert folk.kinds() == ["password changed"]
    assert not isinstance(folk.try_signing_in(who), PageSignIn)
    assert folk.signed_in(who, password=NEW).username == "n.new"


def test_the_browser_that_changed_the_password_stays_signed_in_and_others_do_not(folk: People, who: Activated) -> None:
    other, own = folk.try_signing_in(who), folk.try_signing_in(who)
    assert isinstance(other, PageSignIn) and isinstance(own, PageSignIn)
    folk.world.pass_time(seconds=1)
    token = folk.services.own.change_password(own.principal, PASSWORD, NEW, AT_THE_PAGES)
    for ended in (other.token, own.token):
        assert folk.services.authenticator.resume(ended, AT_THE_PAGES) is None
    assert isinstance(folk.services.authenticator.resume(token, AT_THE_PAGES), Principal)


def test_the_password_is_changed_by_whoever_knows_it(folk: People, me: Principal) -> None:
    before = folk.hash_of("n.new")
    with pytest.raises(NotAccepted, match="The password is not right"):
        folk.services.own.change_password(me, "a guess", NEW, AT_THE_PAGES)
    assert (folk.hash_of("n.new"), folk.mails()) == (before, [])


def test_the_password_that_one_has_is_no_new_one(folk: People, me: Principal) -> None:
    before = folk.hash_of("n.new")
    with pytest.raises(OperatorError, match="choose another one"):
        folk.services.own.change_password(me, PASSWORD, PASSWORD, AT_THE_PAGES)
    assert (folk.hash_of("n.new"), folk.kinds()) == (before, [])


def test_a_weak_new_password_is_refused(folk: People, me: Principal) -> None:
    with pytest.raises(OperatorError):
        folk.services.own.change_password(me, PASSWORD, "alder-primary-2001", AT_THE_PAGES)
    assert folk.mails() == []


def test_a_session_that_has_ended_does_nothing_more(folk: People, who: Activated, me: Principal) -> None:
    folk.world.pass_time(seconds=1)
    folk.services.own.change_password(folk.signed_in(who), PASSWORD, NEW, AT_THE_PAGES)
    own = folk.services.own
    acts = (
        lambda: own.add_device(me, "PC", (), AT_THE_PAGES),
        lambda: own.add_key(me, KEY, "PC", AT_THE_PAGES),
        lambda: own.change_password(me, NEW, PASSWORD, AT_THE_PAGES),
        lambda: own.begin_codes(me, NEW, AT_THE_PAGES),
        lambda: own.new_recovery_codes(me, NEW, AT_THE_PAGES),
    )
    for act in acts:
        with pytest.raises(NotAccepted, match="sign in again"):
            act()


def test_who_was_suspended_meanwhile_does_nothing_more(folk: People, me: Principal) -> None:
    account = folk.world.account("n.new")
    with folk.act() as change:
        staffing.suspend(folk.world.core, change, account, "stolen laptop")
    with pytest.raises(NotAccepted):
        folk.services.own.add_device(me, "PC", (), AT_THE_PAGES)


# One-time codes


def test_new_codes_are_in_use_once_a_code_of_them_was_shown(folk: People, who: Activated, me: Principal) -> None:
    new = folk.services.own.begin_codes(me, PASSWORD, AT_THE_PAGES)
    assert new.secret not in repr(new) and new.uri not in repr(new)
    codes, token = folk.services.own.confirm_codes(me, folk.code(new.secret), AT_THE_PAGES)
    assert (len(codes), folk.kinds()) == (10, ["one-time codes changed"])
    assert isinstance(folk.services.authenticator.resume(token, AT_THE_PAGES), Principal)
    assert not isinstance(folk.try_signing_in(who), PageSignIn)
    assert folk.signed_in(who, secret=new.secret).username == "n.new"


def test_codes_are_changed_by_whoever_knows_the_password(folk: People, me: Principal) -> None:
    with pytest.raises(NotAccepted):
        folk.services.own.begin_codes(me, "a guess", AT_THE_PAGES)


def test_a_wrong_code_changes_nothing(folk: People, who: Activated, me: Principal) -> None:
    new = folk.services.own.begin_codes(me, PASSWORD, AT_THE_PAGES)
    for wrong in ("", "abc", folk.code(who.secret)):
        with pytest.raises(NotAccepted):
            folk.services.own.confirm_codes(me, wrong, AT_THE_PAGES)
    assert folk.mails() == []
    folk.services.own.confirm_codes(me, folk.code(new.secret), AT_THE_PAGES)


def test_new_recovery_codes_end_the_old_ones(folk: People, who: Activated, me: Principal) -> None:
    own, authenticator = folk.services.own, folk.services.authenticator
    codes = own.new_recovery_codes(me, PASSWORD, AT_THE_PAGES)
    assert (own.recovery_left(me), folk.kinds()) == (10, ["recovery codes made"])
    candidate = authenticator.candidate("n.new", AT_THE_PAGES)
    assert authenticator.check_recovery_code(candidate, who.recovery_codes[0]) is None
    assert authenticator.check_recovery_code(candidate, codes[0]) is not None
    assert own.recovery_left(me) == 9


def test_a_used_recovery_code_is_told_with_how_many_are_left(folk: People, me: Principal) -> None:
    folk.services.own.recovery_code_used(me, AT_THE_PAGES)
    [mail] = folk.mails()
    assert (mail.kind, mail.facts) == ("recovery code used", {"left": 10, "address": "192.0.2.7"})


# Devices and keys


@pytest.mark.parametrize("again", ["Office PC", " Office\u00a0 PC "])
def test_a_name_is_that_of_one_device_password(folk: People, me: Principal, again: str) -> None:
    folk.services.own.add_device(me, "Office PC", (), AT_THE_PAGES)
    with pytest.raises(OperatorError, match="of this name already"):
        folk.services.own.add_device(me, again, (), AT_THE_PAGES)
    assert len(folk.services.own.devices(me)) == 1


def test_a_form_that_is_sent_many_times_at_once_makes_one_device_password(folk: People, me: Principal) -> None:
    def add() -> str | None:
        with suppress(OperatorError):
            return folk.services.own.add_device(me, "Office PC", (), AT_THE_PAGES)
        return None

    made = all_at_once(4, add)
    assert (len([one for one in made if one is not None]), len(folk.services.own.devices(me))) == (1, 1)


def test_the_name_of_a_device_password_that_was_ended_is_free_again(folk: People, me: Principal) -> None:
    own = folk.services.own
    own.add_device(me, "Office PC", (), AT_THE_PAGES)
    own.revoke_device(me, own.devices(me)[0].id, AT_THE_PAGES)
    assert own.add_device(me, "Office PC", (), AT_THE_PAGES)


def test_a_device_password_of_ones_own_opens_the_drive_until_it_is_ended(folk: People, me: Principal) -> None:
    own = folk.services.own
    shown = own.add_device(me, "Office PC", ["192.0.2.0/24"], AT_THE_PAGES)
    [device] = own.devices(me)
    assert (device.name, device.networks) == ("Office PC", "192.0.2.0/24")
    [mail] = folk.mails()
    assert (mail.kind, mail.address, mail.facts["device"]) == (
        "device password added",
        "n.new@school.example",
        "Office PC",
    )
    candidate = folk.services.authenticator.candidate("n.new", AT_THE_PAGES)
    assert folk.services.authenticator.check_device(candidate, shown) is not None
    own.revoke_device(me, device.id, AT_THE_PAGES)
    assert folk.services.authenticator.check_device(candidate, shown) is None
    assert folk.reasons(EventKind.CREDENTIAL_REMOVED) == [f"device password {device.id}"]


def test_nobody_ends_what_is_somebody_elses(folk: People, me: Principal) -> None:
    other = folk.signed_in(folk.activated("o.other"))
    own = folk.services.own
    own.add_device(other, "PC", (), AT_THE_PAGES)
    key = own.add_key(other, KEY, "PC", AT_THE_PAGES)
    with pytest.raises(OperatorError, match="no live device password"):
        own.revoke_device(me, own.devices(other)[0].id, AT_THE_PAGES)
    with pytest.raises(OperatorError, match="no live key"):
        own.remove_key(me, key.id, AT_THE_PAGES)
    assert own.devices(other)[0].revoked_at is None
    assert own.keys(other)[0].revoked_at is None


def test_a_key_of_ones_own_is_added_told_and_removed(folk: People, me: Principal) -> None:
    own = folk.services.own
    key = own.add_key(me, KEY, "Office PC", AT_THE_PAGES)
    [mail] = folk.mails()
    assert mail.facts == {"key": "Office PC", "fingerprint": key.fingerprint, "address": "192.0.2.7"}
    own.remove_key(me, key.id, AT_THE_PAGES)
    assert own.keys(me)[0].revoked_at is not None


def test_ones_scripts_are_listed_without_those_that_ended(folk: People, me: Principal) -> None:
    for name in ("nightly", "weekly"):
        folk.world.service(name, "n.new", {HERE: ["SEND"]})
    with folk.act() as change:
        staffing.leave(folk.world.core, change, folk.world.account("weekly"))
    assert [script.username for script in folk.services.own.scripts(me)] == ["nightly"]


# A headteacher's own staff


@pytest.fixture
def head(folk: People) -> Principal:
    """The headteacher of the second school, signed in."""
    return folk.signed_in(folk.activated("t.head", role="Headteacher", dfe=THERE))


def test_a_headteacher_resets_the_codes_of_the_own_staff(folk: People, head: Principal) -> None:
    theirs = folk.activated("p.own", dfe=THERE)
    folk.clear()
    folk.services.own.reset_codes(head, "p.own", AT_THE_PAGES)
    account = folk.world.account("p.own")
    assert (account.has_totp, account.has_password, account.state) == (False, True, AccountState.ACTIVE)
    [mail] = folk.mails()
    assert (mail.kind, mail.address, mail.facts["by"]) == ("one-time codes reset", "p.own@school.example", "T.Head")
    assert not isinstance(folk.try_signing_in(theirs), PageSignIn)
    [event] = folk.world.recorded(EventKind.CREDENTIAL_REMOVED)
    assert (event.actor, event.object) == (head.account_id, f"account:{account.id}")


@pytest.mark.parametrize(
    "name", ["t.head", "h.head", "n.new", "o.officer", "nightly", "gone", "nobody", "", "\0", "p.own' OR 1=1"]
)
def test_a_headteacher_resets_nobody_elses_codes(folk: People, head: Principal, name: str) -> None:
    folk.activated("n.new")
    folk.activated("gone", dfe=THERE)
    folk.world.service("nightly", "t.head", {THERE: ["SEND"]})
    with folk.act() as change:
        staffing.leave(folk.world.core, change, folk.world.account("gone"))
    folk.clear()
    before = len(folk.world.recorded())
    with pytest.raises(NotAccepted, match="Nobody of your staff"):
        folk.services.own.reset_codes(head, name, AT_THE_PAGES)
    assert folk.mails() == []
    [tried] = folk.world.recorded()[before:]
    assert (tried.event, tried.result, tried.actor) == (EventKind.ACCESS_REFUSED, Result.DENY, head.account_id)
    assert tried.reason.startswith("reset one-time codes: ")


def test_an_acting_headteacher_resets_the_codes_of_the_staff_until_the_last_day(folk: People) -> None:
    acting = folk.signed_in(folk.activated("a.acting"))
    folk.activated("p.own")
    at, school = folk.world.clock.now(), folk.world.schools[HERE]
    with folk.world.changing() as connection:
        membership.stand_in(connection, acting.account_id, school, at, until=at + timedelta(hours=1))
    assert "p.own" in [one.username for one in folk.services.own.colleagues(acting)]
    folk.services.own.reset_codes(acting, "p.own", AT_THE_PAGES)
    folk.world.clock.advance(hours=1)
    assert folk.services.own.colleagues(acting) == []
    with pytest.raises(NotAccepted, match="Nobody of your staff"):
        folk.services.own.reset_codes(acting, "p.own", AT_THE_PAGES)


def test_who_is_no_headteacher_has_no_colleagues_to_reset(folk: People, me: Principal) -> None:
    folk.activated("p.own")
    assert folk.services.own.colleagues(me) == []
    with pytest.raises(NotAccepted, match="Nobody of your staff"):
        folk.services.own.reset_codes(me, "p.own", AT_THE_PAGES)


def test_a_headteacher_sees_the_own_staff_alone(folk: People, head: Principal) -> None:
    folk.invite("p.own", dfe=THERE)
    folk.world.service("nightly", "t.head", {THERE: ["SEND"]})
    folk.activated("n.new")
    assert [one.username for one in folk.services.own.colleagues(head)] == []
    folk.activated("q.own", dfe=THERE, role="SENCO")
    [colleague] = folk.services.own.colleagues(head)
    assert (colleague.username, colleague.role, colleague.school, colleague.has_totp) == (
        "q.own",
        "SENCO",
        "Birch Primary",
        True,
    )


def test_a_headteacher_of_another_school_is_not_among_the_staff(folk: People, head: Principal) -> None:
    account = folk.world.accounts["h.head"]
    with folk.world.changing() as connection:
        accounts.set_layout(connection, account, Layout.BY_SCHOOL)
        membership.join(connection, account, folk.world.schools[THERE], "Governor", folk.world.clock.now())
    assert folk.services.own.colleagues(head) == []
    with pytest.raises(NotAccepted):
        folk.services.own.reset_codes(head, "h.head", AT_THE_PAGES)


def test_a_session_begun_with_a_recovery_code_goes_on_with_the_new_codes(folk: People, who: Activated) -> None:
    authenticator = folk.services.authenticator
    candidate = authenticator.candidate("n.new", AT_THE_PAGES)
    shown = (
        authenticator.check_password(candidate, PASSWORD),
        authenticator.check_recovery_code(candidate, who.recovery_codes[0]),
    )
    outcome = authenticator.open_page(candidate, [proof for proof in shown if proof is not None])
    assert isinstance(outcome, PageSignIn)
    new = folk.services.own.begin_codes(outcome.principal, PASSWORD, AT_THE_PAGES)
    folk.world.pass_time(seconds=60)
    code = code_at(new.secret, folk.world.clock.now())
    _, token = folk.services.own.confirm_codes(outcome.principal, code, AT_THE_PAGES)
    again = authenticator.resume(token, AT_THE_PAGES)
    assert isinstance(again, Principal)
    assert again.factors == {Factor.PASSWORD, Factor.TOTP}
