"""Access reviews through their terms, on both databases: opened, overdue, suspended, confirmed, extended [R22]."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import select, update

from auth import devices, keys
from auth.models import AccountRole, Device, SshKey
from auth.principal import Door, Factor, Layout
from config.clock import end_of_day, london_date
from config.errors import OperatorError
from gateway import core as cores
from gateway import reviewing, statement
from gateway.change import NotAllowed, changing
from gateway.core import Core
from gateway.mail.outbox import Mail, MailKind
from gateway.reviewing import FORM, Confirmed
from gateway.reviews import Reviews, Step
from policy import membership, review, reviewed, schools
from policy.audit.checkpoints import public_keys
from policy.audit.events import EventKind
from policy.doors import PolicyDoors
from policy.models import AccessReview
from policy.review import ReviewState
from policy.reviewed import Item
from policy.schools import SchoolState
from tests.support.concurrency import all_at_once
from tests.support.people import KEY, OTHER_KEY
from tests.support.world import ADDRESS, HERE, OFFICER, THERE, World

OPENS = date(2027, 1, 5)
DUE = date(2027, 2, 2)
SUSPENDS = date(2027, 3, 16)
NEXT_DUE = date(2027, 5, 18)
FAR = timedelta(days=200)


def pass_to(world: World, day: date, hour: int = 9) -> None:
    """Let time pass to this day, in winter."""
    world.pass_until(datetime(day.year, day.month, day.day, hour, tzinfo=UTC))


def turn(world: World, core: Core | None = None) -> list[Step]:
    """What is due now, done."""
    return Reviews(core or world.core, world.services.log).turn()


def overdue(world: World, core: Core | None = None) -> list[Step]:
    """The spring review, opened and left alone until it is far overdue."""
    pass_to(world, OPENS)
    turn(world)
    pass_to(world, SUSPENDS)
    return turn(world, core)


def strict(world: World) -> Core:
    """With `review.overdue` set to "suspend"."""
    rules = world.settings.review.model_copy(update={"overdue": "suspend"})
    return replace(world.core, settings=world.settings.model_copy(update={"review": rules}))


def items(world: World, dfe: str = HERE) -> dict[str, Item]:
    with world.database.read() as connection:
        return {item.ref: item for item in reviewed.items(connection, world.schools[dfe], world.clock.now())}


def suspended(world: World, dfe: str = HERE) -> set[str]:
    return {ref for ref, item in items(world, dfe).items() if item.suspended_at is not None}


def state(world: World, dfe: str = HERE) -> ReviewState:
    """How the newest review of a school stands; with none it is in order."""
    with world.database.read() as connection:
        found = review.listing(connection, school_id=world.schools[dfe])
    return found[-1].state(london_date(world.clock.now())) if found else ReviewState.CONFIRMED


def a_key(world: World, username: str, text: str = KEY) -> int:
    with world.changing() as connection:
        return keys.add(connection, world.accounts[username], text, "Laptop", at=world.clock.now()).id


def a_device(world: World, username: str) -> int:
    with world.changing() as connection:
        account = world.accounts[username]
        world.core.devices.create(connection, account, "Office PC", at=world.clock.now())
        return devices.listing(connection, account)[-1].id


def uses(world: World, username: str) -> None:
    """Somebody signs in now, with a device password of their own."""
    world.principal(username)


def acting(world: World, username: str, dfe: str = HERE) -> None:
    now = world.clock.now()
    with world.changing() as connection:
        membership.stand_in(connection, world.accounts[username], world.schools[dfe], now, until=now + FAR, why="ill")


def confirm(
    world: World, by: str = "h.head", *removed: str, actor: str | None = None, seen: str | None = None, dfe: str = HERE
) -> Confirmed:
    """The review of a school, confirmed by its headteacher at the pages, or recorded by `actor`."""
    given = seen or reviewed.seen(items(world, dfe).values())
    with changing(world.core, world.services.log, world.accounts[actor or by], "a test") as change:
        school = schools.find(change.connection, dfe)
        return reviewing.confirm(
            world.core, change, school, by=world.account(by), seen=given, removed=removed, because="letter of 3 May"
        )


def administrator(world: World) -> str:
    """Somebody of the authority who may record."""
    with world.changing() as connection:
        connection.execute(update(AccountRole).values(role="administrator"))
    return OFFICER


# Opening


def test_each_school_with_people_has_one_review_a_term(world: World) -> None:
    pass_to(world, OPENS - timedelta(days=1))
    before = turn(world)
    pass_to(world, OPENS)
    steps = [step for _ in range(2) for step in turn(world) if step.act == "opened"]
    assert before == []
    assert [(step.dfe, step.what) for step in steps] == [(HERE, f"spring-2027, due {DUE}")]
    assert (state(world), state(world, THERE)) == (ReviewState.OPEN, ReviewState.CONFIRMED)


def test_a_school_that_came_after_the_reviews_opened_waits_for_the_next_term(world: World) -> None:
    turn(world)
    assert state(world) is ReviewState.CONFIRMED


def test_a_service_that_stood_still_opens_reviews_when_it_runs_again_and_gives_the_whole_time(world: World) -> None:
    pass_to(world, date(2027, 2, 1))
    [step] = [step for step in turn(world) if step.act == "opened"]
    assert step.what == "spring-2027, due 2027-03-01"


def test_nothing_is_opened_or_suspended_in_a_school_that_is_kept_out(world: World) -> None:
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)
    assert overdue(world) == []


def test_processes_at_once_open_and_remind_once(world: World) -> None:
    pass_to(world, OPENS)
    clones = [cores.core(world.home, world.settings, clock=world.clock) for _ in range(4)]
    left = list(clones)
    done = all_at_once(4, lambda: turn(world, left.pop()))
    for core in clones:
        core.database.dispose()
    assert sorted(step.act for steps in cast("list[list[Step]]", done) for step in steps) == ["opened", "reminded"]


# Far overdue


def test_what_nobody_has_used_for_90_days_is_suspended_and_a_headteacher_never(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    pass_to(world, date(2027, 1, 4))
    uses(world, "o.office")
    key, old = a_key(world, "o.office"), a_key(world, "h.head")
    with world.changing() as connection:
        connection.execute(update(SshKey).where(SshKey.id == old).values(created_at=world.clock.now() - FAR))
    overdue(world)
    assert suspended(world) == {"nightly", f"key:{old}"}
    assert key
    assert state(world) is ReviewState.SUSPENDED


def test_a_day_before_nothing_is_suspended(world: World) -> None:
    pass_to(world, OPENS)
    turn(world)
    pass_to(world, SUSPENDS - timedelta(days=1))
    turn(world)
    assert suspended(world) == set()
    assert state(world) is ReviewState.OVERDUE


def test_what_falls_out_of_use_later_is_suspended_then(world: World) -> None:
    pass_to(world, date(2027, 1, 4))
    uses(world, "o.office")
    overdue(world)
    before = suspended(world)
    pass_to(world, date(2027, 4, 4))
    turn(world)
    assert before == set()
    assert "o.office" in suspended(world)


def test_strictly_everything_but_the_headteachers_is_suspended(world: World) -> None:
    acting(world, "o.office")
    world.person("s.senco", {HERE: ["SEND"]}, "SENCO")
    pass_to(world, OPENS)
    for username in ("h.head", "o.office", "s.senco"):
        uses(world, username)
    key = a_key(world, "s.senco")
    overdue(world, strict(world))
    [device] = [item.ref for item in items(world).values() if item.username == "s.senco" and item.what == "device"]
    assert suspended(world) == {"s.senco", f"key:{key}", device}


def test_what_is_used_in_another_school_goes_on_there(world: World) -> None:
    world.person("e.senco", {HERE: (), THERE: ["SEND"]}, "SENCO", layout=Layout.BY_SCHOOL)
    with world.changing() as connection:
        schools.set_state(connection, world.schools[THERE], SchoolState.SUSPENDED)  # whose review does not open
    pass_to(world, OPENS)
    uses(world, "e.senco")
    overdue(world, strict(world))
    assert "e.senco" in suspended(world)
    assert suspended(world, THERE) == set()


def test_each_suspension_is_recorded_and_the_person_and_the_authority_are_told(world: World) -> None:
    overdue(world)
    told = [(event.object, event.reason) for event in world.recorded(EventKind.REVIEW_SUSPENDED)]
    office = f"account:{world.accounts['o.office']}"
    assert told == [(office, "role Office: unused since 2026-11-23"), ("review:1", "spring-2027: 1 suspended")]
    with world.database.read() as connection:
        mails = {(mail.kind, mail.address) for mail in connection.execute(select(Mail.__table__))}
    assert (MailKind.ACCESS_SUSPENDED, "o.office@school.example") in mails
    assert (MailKind.ACCESS_REVIEW, world.settings.support.mail) in mails


def test_what_is_suspended_is_told_its_reason_at_the_door(world: World) -> None:
    overdue(world)
    with world.database.read() as connection:
        verdict = PolicyDoors().judge(
            connection,
            world.account("o.office"),
            Door.WEBDAV,
            frozenset({Factor.DEVICE_PASSWORD}),
            ADDRESS,
            world.clock.now(),
        )
    assert verdict.reason == "access review overdue"


# Confirmed


@pytest.fixture
def late(world: World) -> World:
    """A world whose review is far overdue, and what is unused suspended."""
    a_key(world, "o.office")
    a_device(world, "o.office")
    overdue(world)
    assert suspended(world) == {"o.office", "key:1", "device:1"}
    return world


def test_confirming_ends_what_was_suspended_and_says_so(late: World) -> None:
    confirm(late)
    assert suspended(late) == set()
    assert state(late) is ReviewState.CONFIRMED
    reasons = [event.reason for event in late.recorded(EventKind.REVIEW_RESUMED)]
    assert reasons == ["role Office", "key 1", "device password 1"]


def test_what_is_removed_ends_for_good(late: World) -> None:
    confirm(late, "h.head", "key:1")
    assert set(items(late)) == {"h.head", "o.office", "device:1"}
    assert [event.reason for event in late.recorded(EventKind.CREDENTIAL_REMOVED)] == ["key 1"]


def test_who_is_removed_leaves_the_school_and_gets_nothing_back(late: World) -> None:
    confirm(late, "h.head", "o.office")
    assert set(items(late)) == {"h.head"}
    with late.database.read() as connection:
        [device] = devices.listing(connection, late.accounts["o.office"])
    assert device.suspended_at is not None


def test_of_who_is_removed_and_belongs_nowhere_else_keys_and_device_passwords_are_removed_too(late: World) -> None:
    said = statement.said(confirm(late, "h.head", "o.office").signed)
    assert {one["item"]: one["decision"] for one in said["items"]} == {
        "h.head": "confirmed",
        "o.office": "removed",
        "key:1": "removed",
        "device:1": "removed",
    }
    removed = {event.reason for event in late.recorded(EventKind.CREDENTIAL_REMOVED)}
    assert removed == {"key 1", "device password 1"}


def test_a_confirmed_device_password_runs_to_30_days_after_the_next_review_is_due(late: World) -> None:
    confirm(late)
    assert items(late)["device:1"].ends == end_of_day(NEXT_DUE + timedelta(days=30))


def test_a_confirmed_device_password_runs_400_days_at_most(world: World) -> None:
    number, now = a_device(world, "o.office"), world.clock.now()
    with world.changing() as connection:
        assert devices.set_end(connection, number, now + 500 * timedelta(days=1), now) == now + devices.LIFE


def test_the_signed_result_says_who_confirmed_what(late: World) -> None:
    signed = confirm(late, "h.head", "key:1").signed
    assert statement.differences(signed.encode(), FORM, public_keys(late.core.secrets)) == []
    said = statement.said(signed)
    assert said["confirmed_by"]["username"] == "h.head"
    assert said["recorded_by"] is None
    assert {one["item"]: one["decision"] for one in said["items"]} == {
        "h.head": "confirmed",
        "o.office": "confirmed",
        "key:1": "removed",
        "device:1": "confirmed",
    }
    with late.database.read() as connection:
        assert connection.execute(select(AccessReview.signed)).scalar_one() == signed


def test_an_administrator_records_what_the_headteacher_sent(late: World) -> None:
    said = statement.said(confirm(late, "h.head", actor=administrator(late)).signed)
    assert (said["confirmed_by"]["username"], said["recorded_by"]["because"]) == ("h.head", "letter of 3 May")


def test_whoever_acts_as_headteacher_confirms(world: World) -> None:
    world.person("a.acting", {})
    acting(world, "a.acting")
    overdue(world)
    confirm(world, "a.acting")
    assert state(world) is ReviewState.CONFIRMED


@pytest.mark.parametrize("actor", ["o.office", "t.head", OFFICER])
def test_a_review_by_somebody_else_is_refused_and_recorded(late: World, actor: str) -> None:
    late.person("t.head", {THERE: ()}, "Headteacher")
    with pytest.raises(NotAllowed, match="reviewed by its headteacher"):
        confirm(late, actor)
    [event] = late.recorded(EventKind.ACCESS_REFUSED)
    assert (event.actor, event.reason.split(":")[0]) == (late.accounts[actor], "confirm an access review")
    assert state(late) is ReviewState.SUSPENDED


def test_nobody_but_the_authority_records_for_a_headteacher(late: World) -> None:
    with pytest.raises(NotAllowed):
        confirm(late, "h.head", actor="o.office")


def test_a_headteacher_does_not_remove_another_or_the_own_account(late: World) -> None:
    late.person("a.acting", {})
    acting(late, "a.acting")
    for by, whom in (("h.head", "h.head"), ("h.head", "a.acting"), ("a.acting", "h.head")):
        with pytest.raises(NotAllowed):
            confirm(late, by, whom)


def test_what_a_headteacher_may_not_remove_the_authority_does_not_remove_for_one(late: World) -> None:
    with pytest.raises(NotAllowed):
        confirm(late, "h.head", "h.head", actor=administrator(late))


def test_an_own_key_is_removed_in_the_own_review(late: World) -> None:
    key = a_key(late, "h.head", OTHER_KEY)
    confirm(late, "h.head", f"key:{key}")
    assert f"key:{key}" not in items(late)


def test_a_key_that_serves_other_schools_too_is_not_one_headteachers_to_end(late: World) -> None:
    late.person("e.senco", {HERE: (), THERE: ()}, "SENCO", layout=Layout.BY_SCHOOL)
    key = a_key(late, "e.senco", OTHER_KEY)
    with pytest.raises(OperatorError, match="other schools too"):
        confirm(late, "h.head", f"key:{key}")
    confirm(late, "h.head", "e.senco")
    assert "e.senco" in items(late, THERE)


def test_what_came_since_the_list_was_shown_is_not_confirmed_unseen(late: World) -> None:
    before = reviewed.seen(items(late).values())
    late.person("n.new", {HERE: ["General"]})
    with pytest.raises(OperatorError, match="has changed since"):
        confirm(late, seen=before)
    assert state(late) is ReviewState.SUSPENDED


def test_a_category_more_changes_what_is_seen_and_a_sign_in_does_not(world: World) -> None:
    a_device(world, "o.office")
    first = reviewed.seen(items(world).values())
    with world.changing() as connection:
        connection.execute(update(Device).values(last_used_at=world.clock.now()))
    assert reviewed.seen(items(world).values()) == first
    world.grant("o.office", HERE, "EHSG Report Confidential")
    assert reviewed.seen(items(world).values()) != first


def test_what_is_not_shown_is_not_removed(late: World) -> None:
    with pytest.raises(OperatorError, match="'key:77' is nothing"):
        confirm(late, "h.head", "key:77")


def test_nothing_is_confirmed_twice(late: World) -> None:
    confirm(late)
    with pytest.raises(OperatorError, match="No access review of 830-2001 is open"):
        confirm(late)


def test_one_review_settles_those_of_earlier_terms_too(late: World) -> None:
    pass_to(late, date(2027, 4, 20))
    turn(late)
    assert confirm(late).terms == ("spring-2027", "summer-2027")
    assert state(late) is ReviewState.CONFIRMED


# Extended


def extend(world: World, until: date, because: str = "no headteacher in post") -> None:
    with changing(world.core, world.services.log, world.accounts[OFFICER], "a test") as change:
        reviewing.extend(world.core, change, schools.find(change.connection, HERE), until, because)


def test_an_extension_gives_a_later_day_and_what_was_suspended_back(late: World) -> None:
    extend(late, date(2027, 4, 1))
    assert suspended(late) == set()
    assert state(late) is ReviewState.OPEN
    [event] = late.recorded(EventKind.REVIEW_EXTENDED)
    assert event.reason == "spring-2027: due 2027-04-01: no headteacher in post"


def test_an_extended_review_is_overdue_again_when_its_new_time_has_passed(late: World) -> None:
    extend(late, date(2027, 4, 1))
    pass_to(late, date(2027, 5, 13))
    turn(late)
    assert suspended(late) == {"o.office", "key:1", "device:1"}


@pytest.mark.parametrize(("until", "because"), [(SUSPENDS, "ill"), (date(2027, 4, 1), " ")])
def test_an_extension_needs_a_later_day_and_a_reason(late: World, until: date, because: str) -> None:
    with pytest.raises(OperatorError):
        extend(late, until, because)


# A year


def test_a_year_of_terms_reminds_of_each_stage_once_and_suspends_once(world: World) -> None:
    world.person("t.head", {THERE: ()}, "Headteacher")
    steps, day = list[Step](), OPENS
    while day < date(2028, 1, 1):
        world.clock.advance(
            seconds=(datetime(day.year, day.month, day.day, 8, tzinfo=UTC) - world.clock.now()).total_seconds()
        )
        steps += turn(world)
        if state(world, THERE) is ReviewState.OPEN:
            confirm(world, "t.head", dfe=THERE)
        day += timedelta(days=1)
    reminded = Counter((step.whom, step.what.split(", ")[1]) for step in steps if step.act == "reminded")
    assert reminded == {
        **{("h.head@school.example", stage): 3 for stage in ("opened", "due", "overdue", "suspended")},
        ("h.head@school.example", "soon"): 6,
        ("t.head@school.example", "opened"): 3,
        (world.settings.support.mail, "suspended"): 3,
    }
    assert [(step.dfe, step.whom) for step in steps if step.act == "suspended"] == [(HERE, "o.office")]


# Only shown


def test_what_would_be_done_is_shown_and_not_done(world: World) -> None:
    pass_to(world, OPENS)
    planned = Reviews(world.core, world.services.log).planned(world.clock.now())
    assert [step.act for step in planned] == ["opened", "reminded"]
    assert state(world) is ReviewState.CONFIRMED
    assert turn(world) == planned
