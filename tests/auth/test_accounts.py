"""`accounts`: who can have one, under which name, and how it ends [R11] [R17]."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from auth import accounts, devices, keys, places
from auth.addresses import AddressRules
from auth.principal import AccountState, Kind, Layout, StaffRole
from config.errors import OperatorError
from tests.auth.world import HOME, Someone, World


def _person(connection: Connection, world: World, username: str, email: str | None = None) -> int:
    return accounts.create_person(
        connection,
        username=username,
        email=email or f"{username}@school.example",
        name="Some One",
        at=world.clock.now(),
        rules=AddressRules(),
        roles=[StaffRole.OFFICER],
    )


@pytest.mark.parametrize(
    "username", ["jo", "Jo.Bloggs", "jo_bloggs", "jo bloggs", "a" * 33, "-jo", ".jo", "j\u00f6rg", "", "jo\n"]
)
def test_what_is_no_short_name_is_refused(world: World, username: str) -> None:
    with world.database.write() as connection, pytest.raises(OperatorError, match="is not a short name"):
        _person(connection, world, username, "some.one@school.example")


@pytest.mark.parametrize("username", ["abc", "a" * 32, "jo-2.b", "007"])
def test_short_names_have_3_to_32_characters(world: World, username: str) -> None:
    with world.database.write() as connection:
        _person(connection, world, username)
    with world.database.read() as connection:
        assert accounts.find(connection, username) is not None


def test_a_short_name_is_never_given_again(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        accounts.set_state(connection, jo.id, AccountState.LEFT, world.clock.now())
    with world.database.write() as connection, pytest.raises(OperatorError, match="never is again"):
        _person(connection, world, jo.username, "other@school.example")


def test_an_address_belongs_to_one_account(world: World, jo: Someone) -> None:
    with world.database.write() as connection, pytest.raises(OperatorError, match=r"belongs to the account jo\.bloggs"):
        _person(connection, world, "jo2", "Jo.Bloggs@School.Example")


@pytest.mark.parametrize(
    "typed",
    [
        "jo.bloggs",
        "JO.Bloggs",
        " jo.bloggs ",
        "jo.bloggs@school.example",
        "Jo.Bloggs@SCHOOL.example",
        "SCHOOL\\jo.bloggs",
        "A\\B\\jo.bloggs",
        "SCHOOL\\jo.bloggs@school.example",
    ],
)
def test_one_signs_in_with_name_or_address_in_any_case_behind_any_domain(world: World, jo: Someone, typed: str) -> None:
    with world.database.read() as connection:
        found = accounts.find(connection, typed)
    assert found is not None and found.id == jo.id


@pytest.mark.parametrize(
    "typed", ["", "\\", "jo", "jo.bloggs\\", "jo.bloggs\x00", "%", "jo.bloggs@", "x" * 5000, "\ud800"]
)
def test_any_other_name_finds_nobody(everywhere: World, typed: str) -> None:
    everywhere.someone()
    with everywhere.database.read() as connection:
        assert accounts.find(connection, typed) is None


def test_an_account_is_read_with_its_roles_and_without_its_secrets(world: World) -> None:
    with world.database.write() as connection:
        account_id = _person(connection, world, "officer")
    with world.database.read() as connection:
        found = accounts.get(connection, account_id)
    assert found is not None
    assert (found.roles, found.state, found.has_password, found.has_totp) == (
        frozenset({StaffRole.OFFICER}),
        AccountState.INVITED,
        False,
        False,
    )


def test_the_listing_is_what_get_reads_one_by_one(world: World, jo: Someone) -> None:
    world.service(jo)
    with world.database.write() as connection:
        _person(connection, world, "officer")
    with world.database.read() as connection:
        listed = accounts.listing(connection)
        assert listed == [accounts.get(connection, row.id) for row in listed]


def test_a_service_account_shows_folders_per_school_and_is_bound(world: World, jo: Someone) -> None:
    account_id = world.service(jo, ["192.0.2.7", "10.0.0.0/8"])
    with world.database.read() as connection:
        found = accounts.get(connection, account_id)
    assert found is not None
    assert (found.kind, found.layout, found.owner_id, found.networks) == (
        Kind.SERVICE,
        Layout.BY_SCHOOL,
        jo.id,
        ("10.0.0.0/8", "192.0.2.7/32"),
    )


@pytest.mark.parametrize(
    ("networks", "reason", "days", "permitted"),
    [
        (["192.0.2.0/24"], None, 400, True),
        (["192.0.2.0/24"], None, 401, False),
        (["192.0.2.0/24"], None, 0, False),
        ([], None, 30, False),
        ([], " ", 30, False),
        ([], "supplier has no fixed address", 90, True),
        ([], "supplier has no fixed address", 91, False),
    ],
)
def test_a_service_account_has_networks_or_a_reason_and_an_end(
    world: World, jo: Someone, networks: list[str], reason: str | None, days: int, permitted: bool
) -> None:
    now = world.clock.now()
    with world.database.write() as connection:
        try:
            accounts.create_service(
                connection,
                username="nightly",
                name="Nightly",
                owner_id=jo.id,
                networks=networks,
                expires_at=now + timedelta(days=days),
                at=now,
                anywhere_because=reason,
            )
            made = True
        except OperatorError:
            made = False
    assert made is permitted


@pytest.mark.parametrize("state", [AccountState.INVITED, AccountState.SUSPENDED, AccountState.LEFT])
def test_the_owner_of_a_service_account_is_active(world: World, state: AccountState) -> None:
    owner = world.someone("owner", state)
    with pytest.raises(OperatorError, match="named person with an active account"):
        world.service(owner)


def test_no_service_account_owns_another(world: World, jo: Someone) -> None:
    service_id = world.service(jo)
    with world.database.write() as connection, pytest.raises(OperatorError, match="named person"):
        accounts.create_service(
            connection,
            username="second",
            name="Second",
            owner_id=service_id,
            networks=["10.0.0.0/8"],
            expires_at=world.clock.now() + timedelta(days=1),
            at=world.clock.now(),
        )


_PERMITTED = {
    ("invited", "active"),
    ("invited", "suspended"),
    ("invited", "left"),
    ("active", "suspended"),
    ("active", "left"),
    ("suspended", "invited"),
    ("suspended", "active"),
    ("suspended", "left"),
    ("left", "invited"),
}


@pytest.mark.parametrize("before", AccountState)
@pytest.mark.parametrize("after", AccountState)
def test_states_change_as_the_table_says(world: World, before: AccountState, after: AccountState) -> None:
    who = world.someone(state=before)
    permitted = before is after or (before, after) in _PERMITTED
    with world.database.write() as connection:
        with nullcontext() if permitted else pytest.raises(OperatorError):
            accounts.set_state(connection, who.id, after, world.clock.now())
        found = accounts.get(connection, who.id)
    assert found is not None
    assert found.state is (after if permitted else before)


def test_leaving_ends_every_credential_and_known_place(world: World, jo: Someone) -> None:
    now = world.clock.now()
    world.sign_in(jo)
    with world.database.write() as connection:
        accounts.set_state(connection, jo.id, AccountState.LEFT, now)
        found = accounts.get(connection, jo.id)
        assert found is not None
        ends = [row.revoked_at for row in keys.listing(connection, jo.id)]
        ends += [row.revoked_at for row in devices.listing(connection, jo.id)]
        known = places.is_known(connection, jo.id, HOME, world.clock.now())
    assert (found.has_password, found.has_totp, set(ends), known) == (False, False, {now}, False)


def test_the_layout_changes_by_an_explicit_act(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        accounts.set_layout(connection, jo.id, Layout.BY_SCHOOL)
        found = accounts.get(connection, jo.id)
    assert found is not None and found.layout is Layout.BY_SCHOOL


def test_a_service_account_keeps_its_layout(world: World, jo: Someone) -> None:
    service_id = world.service(jo)
    with world.database.write() as connection, pytest.raises(OperatorError, match="always shows folders per school"):
        accounts.set_layout(connection, service_id, Layout.SINGLE)
