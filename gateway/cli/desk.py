"""Where a command works: the home, opened, and who acts. Changes are recorded before they are committed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import AccountState, StaffRole
from config.clock import end_of_day, london_date, london_midnight
from config.database import Database
from config.errors import OperatorError
from gateway import core as cores
from gateway.change import Change, changing
from gateway.cli.operators import operator, os_user
from gateway.core import Core
from policy import schools
from policy.access import HEADTEACHER
from policy.roster import Belonging, Member

ADMINISTRATORS = frozenset({StaffRole.ADMINISTRATOR})
PUBLISHERS = frozenset({StaffRole.ADMINISTRATOR, StaffRole.OFFICER})
ANYONE = frozenset(StaffRole)


class HomeCommand(click.Command):
    """A command that also takes `--home` after its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--home"],
                type=click.Path(path_type=Path),
                metavar="DIR",
                expose_value=False,
                callback=_keep_home,
                help="Where all state lives (or LADOCS_HOME).",
            )
        )


def _keep_home(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    ctx.meta["ladocs.home"] = value


def named_home(ctx: click.Context) -> Path | None:
    """The home that was named, absolute: by the command's option, the program's, or LADOCS_HOME."""
    named = ctx.meta.get("ladocs.home") or ctx.find_root().params.get("home") or os.environ.get("LADOCS_HOME")
    return Path(named).absolute() if named else None


def home_path(ctx: click.Context) -> Path:
    """As `named_home`, for commands that do not go without. Raises OperatorError."""
    named = named_home(ctx)
    if named is None:
        raise OperatorError("Say which home: give --home DIR or set LADOCS_HOME.", exit_status=2)
    return named


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with."""

    core: Core
    actor: AccountRow
    user: str

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot for reading."""
        with self.core.database.read() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A change of who may what: durable in the record first, committed after, told to every process [R19]."""
        with cores.recording(self.core) as log, changing(self.core, log, self.actor.id, self.user) as change:
            yield change


@contextmanager
def desk(ctx: click.Context, allowed: frozenset[StaffRole]) -> Iterator[Desk]:
    """The home that was named, for an operator with one of the roles `allowed`."""
    home, settings = cores.open_home(home_path(ctx), os.environ)
    cores.check_databases(home, settings)
    core = cores.core(home, settings)
    try:
        user = os_user(os.environ)
        with core.database.read() as connection:
            actor = operator(connection, settings.operators, user, allowed)
        cores.enter_categories(core)
        yield Desk(core, actor, user)
    finally:
        core.database.dispose()


@contextmanager
def reading_record(url: str) -> Iterator[Connection]:
    """The record, for reading."""
    database = Database(url)
    try:
        with database.read() as connection:
            yield connection
    finally:
        database.dispose()


def people_and_schools(connection: Connection) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """Short names of the accounts and DfE numbers of the schools, by the ids that stand in the record."""
    return (
        {account.id: account.username for account in accounts.listing(connection)},
        {school.id: school.dfe for school in schools.listing(connection)},
    )


def account_named(connection: Connection, name: str) -> AccountRow:
    """The account with this short name or address. Raises OperatorError."""
    account = accounts.find(connection, name)
    if account is None:
        raise OperatorError(f"No account is called '{name}': see 'ladocs account list'.")
    return account


def account_present(connection: Connection, name: str) -> AccountRow:
    """As `account_named`, for what nobody who has left is given."""
    account = account_named(connection, name)
    if account.state is AccountState.LEFT:
        raise OperatorError(f"{account.username} has left: nothing is given to an account that has ended.")
    return account


class Day(click.ParamType[datetime]):
    """A last day, `2027-07-31`, as the moment that ends it in Europe/London."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return end_of_day(date.fromisoformat(value))
        except (ValueError, OverflowError):
            self.fail(f"'{value}' is no day: write it like 2027-07-31", param, ctx)


DAY = Day()


def last_day(end: datetime) -> date:
    """The day that was typed for the moment `end`."""
    return london_date(end - timedelta(microseconds=1))


def day_begins(end: datetime | None) -> datetime | None:
    """The first moment of the day that was typed for the moment `end`."""
    return london_midnight(last_day(end)) if end else None


def role_shown(one: Belonging | Member) -> str:
    """A role in a school as people read it: `SENCO, acting Headteacher until 2027-02-12`."""
    if one.acting_until is None:
        return one.role
    acting = f"acting {HEADTEACHER} until {last_day(one.acting_until)}"
    return acting if one.role == HEADTEACHER else f"{one.role}, {acting}"
