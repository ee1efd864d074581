"""Entering people: the accounts and grants that every county of the tests is made of, by the product itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from auth import accounts
from auth.addresses import AddressRules
from auth.principal import AccountState, Layout, StaffRole
from config.clock import london_date
from config.settings import SPECIMEN, Settings
from policy import agreement, categories, membership, schools
from policy.agreement import Signature

SERVICE_LIFE = timedelta(days=300)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"


def enter_school(connection: Connection, dfe: str, name: str, at: datetime, settings: Settings) -> int:
    """A school that has signed the agreement; the id."""
    school = schools.add(connection, dfe=dfe, name=name, urn=None, at=at).id
    sign(connection, school, SPECIMEN.version, at, settings)
    return school


def sign(connection: Connection, school: int, version: str, at: datetime, settings: Settings) -> None:
    """The school signs a version of the agreement on the day of `at`."""
    signed = Signature(version=version, signed_on=london_date(at), signed_by="Helen Head")
    agreement.record(connection, school, signed, agreement.rules(connection, settings, at), recorded_by=None)


def enter_person(
    connection: Connection,
    username: str,
    at: datetime,
    *,
    layout: Layout = Layout.SINGLE,
    roles: Iterable[StaffRole] = (),
    state: AccountState = AccountState.ACTIVE,
) -> int:
    """Somebody with an address at `school.example`, who needs no invitation; the id."""
    return accounts.create_person(
        connection,
        username=username,
        email=f"{username}@school.example",
        name=username.title(),
        at=at,
        rules=AddressRules(),
        layout=layout,
        roles=tuple(roles),
        state=state,
    )


def enter_service(connection: Connection, username: str, owner: int, at: datetime, networks: Iterable[str]) -> int:
    """A script of the account `owner`; the id."""
    return accounts.create_service(
        connection,
        username=username,
        name=username.title(),
        owner_id=owner,
        networks=networks,
        expires_at=at + SERVICE_LIFE,
        at=at,
    )


def admit(connection: Connection, account: int, dfe: str, role: str, at: datetime, granted: Iterable[str] = ()) -> None:
    """Make `account` one of the school `dfe`, as `role`, who reads the categories of these names there."""
    school = schools.find(connection, dfe).id
    membership.join(connection, account, school, role, at)
    for name in granted:
        membership.grant(connection, account, school, categories.find(connection, name), at)
