"""Accounts, memberships, grants, sessions and guesses in SQL, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from auth import accounts, keys, places, standing
from auth.models import Device, KnownPlace, SshKey, ThrottleCount
from auth.principal import AccountState, Door, Layout, StaffRole
from auth.sessions import DEAD_AFTER, SessionLimit, SessionLimits, SessionTable
from auth.standing import Standing
from auth.throttle import GuessLimits, Throttle
from config.errors import OperatorError
from policy import membership, roster, schools
from policy.doors import PolicyDoors
from policy.holdings import scope_for
from policy.membership import SERVICE_ROLE
from policy.models import SchoolNetwork
from policy.reach import schools_reached
from policy.schools import SchoolState
from tests.support.concurrency import all_at_once
from tests.support.people import KEY
from tests.support.world import ADDRESS, HERE, NETWORK, OFFICER, THERE, World

# Accounts


def test_an_account_is_found_by_name_or_address_in_any_case(world: World) -> None:
    with world.database.read() as connection:
        for typed in ("o.office", "O.Office", r"SCHOOL\o.office", "o.office@school.example", "O.OFFICE@School.Example"):
            found = accounts.find(connection, typed)
            assert found is not None and found.id == world.accounts["o.office"]


def test_a_listing_has_everybody_with_roles_and_networks(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    with world.database.read() as connection:
        listed = {row.username: row for row in accounts.listing(connection)}
        assert list(listed) == ["h.head", "nightly", "o.office", OFFICER]
        assert listed[OFFICER].roles == {StaffRole.OFFICER}
        assert listed["nightly"].networks == (NETWORK,)
        for username, row in listed.items():
            assert accounts.find(connection, username) == row


def test_a_short_name_and_an_address_are_given_once(world: World) -> None:
    for username, address in (("o.office", "x@school.example"), ("new.name", "o.office@school.example")):
        with pytest.raises(OperatorError), world.changing() as connection:
            accounts.create_person(
                connection,
                username=username,
                email=address,
                name="X",
                at=world.clock.now(),
                rules=world.core.addresses,
            )


def test_of_two_who_want_one_name_at_once_one_is_told(world: World) -> None:
    def create() -> object:
        return world.person("same.name", {})

    made = all_at_once(6, create)
    assert sum(isinstance(result, int) for result in made) == 1
    assert sum(isinstance(result, OperatorError) for result in made) == 5


def test_leaving_ends_every_credential(world: World) -> None:
    world.principal("o.office")
    account, now = world.accounts["o.office"], world.clock.now()
    with world.changing() as connection:
        keys.add(connection, account, KEY, "laptop", at=now)
        accounts.set_password_hash(connection, account, "hash", now)
        accounts.set_totp_sealed(connection, account, b"sealed", now)
    with world.changing() as connection:
        accounts.set_state(connection, account, AccountState.LEFT, now)
    with world.database.read() as connection:
        assert accounts.password_hash(connection, account) is None
        assert accounts.totp_sealed(connection, account) is None
        for table in (SshKey, Device):
            live = select(func.count()).where(table.account_id == account, table.revoked_at.is_(None))
            assert connection.execute(live).scalar_one() == 0
        assert connection.execute(select(KnownPlace).where(KnownPlace.account_id == account)).all() == []


def test_a_newer_hash_never_overwrites_a_changed_password(world: World) -> None:
    account = world.accounts["o.office"]
    with world.database.write() as connection:
        accounts.set_password_hash(connection, account, "chosen since", world.clock.now())
        accounts.replace_password_hash(connection, account, "old", "old, hashed anew")
        assert accounts.password_hash(connection, account) == "chosen since"
        accounts.replace_password_hash(connection, account, "chosen since", "hashed anew")
        assert accounts.password_hash(connection, account) == "hashed anew"


def test_networks_are_replaced(world: World) -> None:
    account = world.service("nightly", "h.head", {HERE: ["SEND"]})
    with world.changing() as connection:
        accounts.set_networks(connection, account, ["198.51.100.0/24", "2001:db8::/32"])
    assert world.account("nightly").networks == ("198.51.100.0/24", "2001:db8::/32")


def test_a_place_is_known_once_somebody_signed_in_from_it(world: World) -> None:
    account, now = world.accounts["o.office"], world.clock.now()
    with world.database.write() as connection:
        for days in (0, 1):
            places.remember(connection, account, ADDRESS, now + timedelta(days=days))
        assert connection.execute(select(func.count()).select_from(KnownPlace)).scalar_one() == 1


def test_standing_follows_account_and_credential(world: World) -> None:
    principal = world.principal("o.office")
    now = world.clock.now()
    with world.database.write() as connection:
        found = [standing.standing(connection, principal, now)]
        connection.execute(update(Device).values(revoked_at=now))
        found.append(standing.standing(connection, principal, now))
        accounts.set_state(connection, principal.account_id, AccountState.SUSPENDED, now)
        found.append(standing.standing(connection, principal, now))
        accounts.set_state(connection, principal.account_id, AccountState.LEFT, now)
        found.append(standing.standing(connection, principal, now))
    assert found == [Standing.GOOD, Standing.CREDENTIAL_ENDED, Standing.SUSPENDED, Standing.ENDED]


# Membership


def test_another_role_ends_the_first_with_its_grants(world: World) -> None:
    account, school, now = world.accounts["o.office"], world.schools[HERE], world.clock.now()
    with world.changing() as connection:
        membership.join(connection, account, school, "SENCO", now)
        [belonging] = roster.belongings(connection, account, now)
    assert (belonging.role, belonging.categories, belonging.dfe) == ("SENCO", (), HERE)


def test_joining_again_as_the_same_changes_nothing(world: World) -> None:
    account, school, now = world.accounts["o.office"], world.schools[HERE], world.clock.now()
    with world.changing() as connection:
        membership.join(connection, account, school, "Office", now)
        [belonging] = roster.belongings(connection, account, now)
    assert belonging.categories == ("General", "SEND")


def test_a_second_school_wants_a_layout_with_folders(world: World) -> None:
    account, now = world.accounts["o.office"], world.clock.now()
    with pytest.raises(OperatorError, match="by-school"), world.changing() as connection:
        membership.join(connection, account, world.schools[THERE], "Office", now)
    with world.changing() as connection:
        accounts.set_layout(connection, account, Layout.BY_SCHOOL)
        membership.join(connection, account, world.schools[THERE], "Office", now)
        assert [b.dfe for b in roster.belongings(connection, account, now)] == [HERE, THERE]


def test_of_two_headteachers_named_at_once_one_is(world: World) -> None:
    candidates = iter([world.person(f"c.candidate{n}", {}) for n in range(6)])

    def name_one() -> None:
        account = next(candidates)
        with world.changing() as connection:
            membership.join(connection, account, world.schools[THERE], "Headteacher", world.clock.now())

    outcomes = all_at_once(6, name_one)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, OperatorError) for outcome in outcomes) == 5


def test_a_grant_is_replaced_revoked_and_runs_out(world: World) -> None:
    account, school, now = world.accounts["o.office"], world.schools[HERE], world.clock.now()
    soon = now + timedelta(days=1)
    world.grant("o.office", HERE, "SEND", expires_at=soon)
    with world.changing() as connection:
        before, after = (roster.belongings(connection, account, at)[0].categories for at in (now, soon))
        number = world.categories["General"]
        ended = [membership.revoke(connection, account, school, number, now) for _ in range(2)]
    assert (before, after, ended) == (("General", "SEND"), ("General",), [1, 0])


def test_members_are_listed_with_what_they_may_read(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    with world.database.read() as connection:
        listed = roster.members(connection, world.schools[HERE], world.clock.now())
    every = tuple(world.categories)
    assert [(m.username, m.role, m.categories) for m in listed] == [
        ("h.head", "Headteacher", every),
        ("nightly", SERVICE_ROLE, ("SEND",)),
        ("o.office", "Office", ("General", "SEND")),
    ]


def test_a_scope_holds_what_the_tables_say(world: World) -> None:
    principal = world.principal("o.office")
    with world.database.read() as connection:
        scope = scope_for(connection, principal, world.clock.now())
    [school] = scope.schools.values()
    assert school.folder == "830-2001 Alder Primary" and school.roles == {"Office": None}
    assert dict(school.categories) == {world.categories["General"]: None, world.categories["SEND"]: None}


def test_the_networks_of_a_school_are_known_places_of_its_people(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(insert(SchoolNetwork).values(school_id=world.schools[HERE], network=NETWORK))
    with world.database.read() as connection:
        at = world.clock.now()
        assert list(PolicyDoors().known_networks(connection, world.accounts["o.office"], at)) == [NETWORK]
        assert list(PolicyDoors().known_networks(connection, world.accounts[OFFICER], at)) == []


def test_a_school_in_which_nobody_can_read_a_document_is_found(world: World) -> None:
    both = list(world.schools.values())

    def reached(category: str, not_headteacher: bool = False) -> set[int]:
        with world.database.read() as connection:
            return schools_reached(
                connection,
                both,
                world.categories[category],
                audience=None,
                not_headteacher=not_headteacher,
                at=world.clock.now(),
            )

    assert reached("SEND") == {world.schools[HERE]}
    assert reached("SEND", not_headteacher=True) == {world.schools[HERE]}
    assert reached("Shared Services HR", not_headteacher=True) == set()
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)
    assert reached("SEND") == set()


# Sessions of all processes


def _table(world: World, process: str, limit: int = 5) -> SessionTable:
    return SessionTable(world.database, world.clock, process=process, limits=SessionLimits(person=limit, service=limit))


def test_the_limit_counts_all_processes_and_lets_no_two_take_the_last_place(world: World) -> None:
    principal = world.principal("o.office")
    tables = [_table(world, f"process {n}") for n in range(2)]
    numbers = iter(range(100))

    def come() -> None:
        number = next(numbers)
        tables[number % 2].open(f"session {number}", principal)

    outcomes = all_at_once(12, come)
    assert outcomes.count(None) == 5
    assert sum(isinstance(outcome, SessionLimit) for outcome in outcomes) == 7
    assert [table.count(principal.account_id) for table in tables] == [5, 5]


def test_a_closed_session_gives_its_place_back(world: World) -> None:
    principal, table = world.principal("o.office"), _table(world, "a", limit=1)
    table.open("one", principal)
    with pytest.raises(SessionLimit, match="close one"):
        table.open("two", principal)
    table.close("one")
    table.close("one")
    table.open("two", principal)


def test_the_sessions_of_a_dead_process_are_swept_by_any_other(world: World) -> None:
    principal = world.principal("o.office")
    dead, living = _table(world, "dead"), _table(world, "living")
    dead.open("lost", principal)
    living.open("kept", principal)
    world.clock.advance(seconds=DEAD_AFTER.total_seconds() / 2)
    living.touch(["kept"])
    assert living.count(principal.account_id) == 2
    world.clock.advance(seconds=DEAD_AFTER.total_seconds() / 2)
    assert living.count(principal.account_id) == 1
    living.touch(["kept"])
    world.clock.advance(seconds=DEAD_AFTER.total_seconds() / 2)
    assert living.count(principal.account_id) == 1


def test_a_session_whose_closing_was_lost_is_swept_and_a_new_one_is_not(world: World) -> None:
    principal, table = world.principal("o.office"), _table(world, "a")
    table.open("lost", principal)
    world.clock.advance(seconds=DEAD_AFTER.total_seconds())
    table.open("new", principal)
    table.touch([])
    assert table.count(principal.account_id) == 1


# Guesses


def test_guesses_are_counted_over_all_processes(world: World) -> None:
    throttles = [Throttle(world.database, GuessLimits(other=4)) for _ in range(2)]
    account, now = world.accounts["o.office"], world.clock.now()
    taken = [throttles[n % 2].reserve(account, "o.office", "203.0.113.9", known=False, at=now) for n in range(6)]
    assert [place is not None for place in taken] == [True] * 4 + [False] * 2
    assert throttles[0].reserve(account, "o.office", "203.0.113.9", known=True, at=now) is not None


def test_places_are_free_again_after_five_minutes_and_leave_no_rows(world: World) -> None:
    throttle = Throttle(world.database, GuessLimits(other=1))
    account, now = world.accounts["o.office"], world.clock.now()
    assert throttle.reserve(account, "o.office", "203.0.113.9", known=False, at=now)
    later = now + timedelta(seconds=302)
    assert throttle.reserve(account, "o.office", "203.0.113.9", known=False, at=later)
    with world.database.read() as connection:
        windows = connection.execute(select(ThrottleCount.window).distinct()).scalars().all()
    assert windows == [int(later.timestamp())]


def test_an_officer_signs_in_and_holds_no_school(world: World) -> None:
    principal = world.officers_principal()
    assert principal.door is Door.SFTP
    with world.database.read() as connection:
        scope = scope_for(connection, principal, world.clock.now())
    assert (dict(scope.schools), scope.obstacle) == ({}, None)
