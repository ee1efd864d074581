"""`devices`: made once, recognised however they are typed, ended in four ways [R16]."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from auth import devices
from auth.devices import DeviceRow
from auth.models import AccountRole, Device
from auth.principal import Door, Peer, Principal, StaffRole
from auth.verdicts import RefusalReason
from config.errors import OperatorError
from config.secrets import DEVICE_KEY
from tests.auth.world import ELSEWHERE, HOME, Someone, World
from tests.support.concurrency import all_at_once


def _match(world: World, who: int | None, typed: str) -> DeviceRow | None:
    with world.database.read() as connection:
        return world.devices.match(connection, who, typed)


def test_a_device_password_is_six_groups_of_four(jo: Someone) -> None:
    assert [len(group) for group in jo.device.split("-")] == [4] * 6


@pytest.mark.parametrize("change", [str.lower, lambda t: t.replace("-", ""), lambda t: t.replace("-", " "), str.strip])
def test_it_is_recognised_however_it_is_typed(everywhere: World, change: object) -> None:
    who = everywhere.someone()
    assert callable(change)
    assert _match(everywhere, who.id, change(who.device)) is not None


def test_it_is_recognised_for_its_account_alone(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    assert [_match(world, who, jo.device) is None for who in (jo.id, sam.id, None)] == [False, True, True]


@pytest.mark.parametrize("typed", ["", "0000-0000-0000-0000-0000-0000", "seven quiet otters", "\ud800"])
def test_nothing_else_is_recognised(world: World, jo: Someone, typed: str) -> None:
    assert _match(world, jo.id, typed) is None


def test_the_database_holds_neither_the_password_nor_a_plain_hash(world: World, jo: Someone) -> None:
    with world.database.read() as connection:
        row = connection.execute(select(Device.hash, Device.key_id)).one()
    assert len(row.hash) == 32 and jo.device.replace("-", "").encode() not in row.hash


def test_one_made_before_the_key_changed_is_still_recognised(world: World, jo: Someone) -> None:
    world.secrets.create(DEVICE_KEY, b"n" * 32)
    assert _match(world, jo.id, jo.device) is not None


@pytest.mark.parametrize("days", [0, -1, 401])
def test_it_ends_within_400_days(world: World, jo: Someone, days: int) -> None:
    now = world.clock.now()
    with world.database.write() as connection, pytest.raises(OperatorError, match="within 400 days"):
        world.devices.create(connection, jo.id, "tablet", at=now, expires_at=now + timedelta(days=days))


_MADE = datetime.fromisoformat("2026-01-01T09:00:00+00:00")
_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "used", "revoked", "address", "reason"),
    [
        (_MADE, None, None, HOME, None),
        (_MADE + 90 * _DAY - timedelta(seconds=1), None, None, HOME, None),
        (_MADE + 90 * _DAY, None, None, HOME, RefusalReason.DEVICE_UNUSED),
        (_MADE + 90 * _DAY, _MADE + _DAY, None, HOME, None),
        (_MADE + 91 * _DAY, _MADE + _DAY, None, HOME, RefusalReason.DEVICE_UNUSED),
        (_MADE + 400 * _DAY, _MADE + 399 * _DAY, None, HOME, RefusalReason.DEVICE_EXPIRED),
        (_MADE + _DAY, _MADE, _MADE, HOME, RefusalReason.DEVICE_REVOKED),
        (_MADE + _DAY, _MADE, None, ELSEWHERE, RefusalReason.OTHER_NETWORK),
    ],
)
def test_a_device_password_ends_as_the_table_says(
    at: datetime, used: datetime | None, revoked: datetime | None, address: str, reason: RefusalReason | None
) -> None:
    row = DeviceRow(
        id=1,
        account_id=1,
        name="Office PC",
        networks="192.0.2.0/24",
        created_at=_MADE,
        expires_at=_MADE + 400 * _DAY,
        last_used_at=used,
        last_address="",
        last_client="",
        revoked_at=revoked,
        suspended_at=None,
    )
    assert row.objection(address, at) is reason


def test_a_service_account_has_one_however_many_ask_at_once(everywhere: World) -> None:
    service_id = everywhere.service(everywhere.someone())

    def create() -> str:
        with everywhere.database.write() as connection:
            return everywhere.devices.create(connection, service_id, "drive", at=everywhere.clock.now())

    made = [result for result in all_at_once(6, create) if isinstance(result, str)]
    assert len(made) == 1


def test_a_service_account_gets_another_when_the_first_is_revoked(world: World, jo: Someone) -> None:
    service_id = world.service(jo)
    now = world.clock.now()
    with world.database.write() as connection:
        world.devices.create(connection, service_id, "drive", at=now)
        devices.revoke(connection, service_id, devices.listing(connection, service_id)[0].id, now)
        assert world.devices.create(connection, service_id, "drive 2", at=now)


def test_accounts_of_the_authority_have_none(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        connection.execute(insert(AccountRole).values(account_id=jo.id, role=StaffRole.OFFICER))
        with pytest.raises(OperatorError, match="no drive"):
            world.devices.create(connection, jo.id, "drive", at=world.clock.now())


def test_nobody_revokes_the_device_of_another_account(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    with world.database.write() as connection, pytest.raises(OperatorError, match="no live device"):
        devices.revoke(connection, sam.id, devices.listing(connection, jo.id)[0].id, world.clock.now())


def test_use_is_noted_at_most_once_a_minute(world: World, jo: Someone) -> None:
    began = world.clock.now()
    noted = []
    for _ in range(4):
        candidate = world.candidate(door=Door.WEBDAV)
        proof = world.authenticator.check_device(candidate, jo.device)
        assert proof is not None
        world.authenticator.authenticate(candidate, [proof])
        with world.database.read() as connection:
            noted.append(devices.listing(connection, jo.id)[0].last_used_at)
        world.clock.advance(seconds=25)
    assert noted == [began, began, began, began + timedelta(seconds=75)]


def test_of_its_last_use_time_place_and_program_are_noted(everywhere: World) -> None:
    who = everywhere.someone()
    peer = Peer(address=ELSEWHERE, door=Door.WEBDAV, client="davfs2/1.6.1 neon/0.32.5")
    candidate = everywhere.authenticator.candidate(who.username, peer)
    proof = everywhere.authenticator.check_device(candidate, who.device)
    assert proof is not None
    everywhere.authenticator.authenticate(candidate, [proof])
    with everywhere.database.read() as connection:
        row = devices.listing(connection, who.id)[0]
    assert (row.last_used_at, row.last_address, row.last_client) == (everywhere.clock.now(), ELSEWHERE, peer.client)


def test_one_that_is_refused_was_not_used(world: World, jo: Someone) -> None:
    world.authenticator.check_device(world.candidate(door=Door.WEBDAV), "0000-0000-0000-0000-0000-0000")
    world.clock.advance(days=90)
    world.authenticator.check_device(world.candidate(door=Door.WEBDAV), jo.device)
    with world.database.read() as connection:
        assert devices.listing(connection, jo.id)[0].last_used_at is None


def test_one_bound_to_a_network_opens_from_there_alone(everywhere: World) -> None:
    who = everywhere.someone()
    with everywhere.database.write() as connection:
        at = everywhere.clock.now()
        bound = everywhere.devices.create(connection, who.id, "Office PC", at=at, bound_to=["192.0.2.0/24"])
    shown = [
        everywhere.authenticator.check_device(everywhere.candidate(address=address, door=Door.WEBDAV), bound)
        for address in (HOME, ELSEWHERE)
    ]
    assert [proof is not None for proof in shown] == [True, False]
    assert everywhere.recorder.reasons == [RefusalReason.OTHER_NETWORK]


def test_one_unused_for_ninety_days_opens_nothing_and_one_in_use_does(world: World, jo: Someone) -> None:
    opened = []
    for days in (60, 60, 90):
        world.clock.advance(days=days)
        candidate = world.candidate(door=Door.WEBDAV)
        proof = world.authenticator.check_device(candidate, jo.device)
        opened.append(proof is not None and isinstance(world.authenticator.authenticate(candidate, [proof]), Principal))
    assert (opened, world.recorder.reasons) == ([True, True, False], [RefusalReason.DEVICE_UNUSED])
