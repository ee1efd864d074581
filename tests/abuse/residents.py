"""One of each: people and scripts in every standing that an account can have, with all that one could sign in with.

`settle` enters them, all in order, into the home of a running server. `change` then does to each household what puts it
into its standing, so that sessions, trust, cached credentials and links from before can be tried after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import Connection, update

from auth import accounts, keys, links
from auth.links import Purpose
from auth.models import Account
from auth.principal import AccountState, Kind
from gateway import core as cores
from gateway.change import Change, changing
from gateway.core import Core
from gateway.issuing import issue_password, issue_totp
from policy import categories, membership, schools
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE
from policy.models import Membership, School
from policy.schools import SchoolState
from tests.support.county import County
from tests.support.people import admit, enter_person, enter_service
from tests.support.story import ASHBY, BRIGID, CLIFF, GENERAL, Person


class Standing(Enum):
    """What became of an account: in a word, and the account's own state."""

    ACTIVE = ("active", AccountState.ACTIVE)
    INVITED = ("not-activated", AccountState.INVITED)
    SUSPENDED = ("suspended", AccountState.SUSPENDED)
    EXPIRED = ("expired", AccountState.ACTIVE)
    LEFT = ("left", AccountState.LEFT)
    NO_GRANT = ("no-grant", AccountState.ACTIVE)
    NO_SCHOOL = ("no-school", AccountState.ACTIVE)
    SCHOOL_SUSPENDED = ("school-suspended", AccountState.ACTIVE)
    ROLE_OVER = ("role-over", AccountState.ACTIVE)
    NO_AGREEMENT = ("no-agreement", AccountState.ACTIVE)
    REVIEW_OVERDUE = ("review-overdue", AccountState.ACTIVE)

    @property
    def word(self) -> str:
        return self.value[0]

    @property
    def state(self) -> AccountState:
        return self.value[1]


@dataclass(frozen=True, kw_only=True)
class Resident:
    """An account, what was mailed to it and what was written on paper for it."""

    person: Person
    link: str = ""
    recovery: str = ""


@dataclass(frozen=True, kw_only=True)
class Household:
    """All of one standing. Each of `people` has codes of its own to spend; `script` is a service account."""

    people: tuple[Resident, ...]
    script: Resident


_ELSEWHERE = {Standing.SCHOOL_SUSPENDED: CLIFF, Standing.NO_AGREEMENT: BRIGID}

Street = Mapping[Standing, Household]


@contextmanager
def changes(county: County) -> Iterator[tuple[Core, Change]]:
    """One change, made in this process in the home that another one serves."""
    core = cores.core(*cores.open_home(county.home, {}))
    try:
        with cores.recording(core) as log, changing(core, log, None, "test") as change:
            yield core, change
    finally:
        core.database.dispose()


def settle(county: County, people: int) -> Street:
    """A household of each standing, all of them active still, with so many people in each."""
    with changes(county) as (core, change):
        return {standing: _household(core, change, standing, people) for standing in Standing}


def change(county: County, street: Street) -> None:
    """Put every household into its standing, in one change."""
    with changes(county) as (_, done):
        for standing, household in street.items():
            for resident in (*household.people, household.script):
                _put(done.connection, resident.person.account_id, standing, done)
                done.record(EventKind.ACCOUNT_CHANGED, f"account:{resident.person.account_id}", reason=standing.word)
        schools.set_state(done.connection, schools.find(done.connection, CLIFF).id, SchoolState.SUSPENDED)
        without = update(School).where(School.dfe == BRIGID)
        done.connection.execute(without.values(agreement_until=done.at))  # time does this


def _household(core: Core, change: Change, standing: Standing, people: int) -> Household:
    school = _ELSEWHERE.get(standing, ASHBY)
    entered = tuple(_person(core, change, f"{standing.word}{number}", school) for number in range(people))
    return Household(people=entered, script=_script(core, change, f"{standing.word}-script", school))


def _person(core: Core, change: Change, username: str, school: str) -> Resident:
    account_id = enter_person(change.connection, username, change.at)
    admit(change.connection, account_id, school, "Office", change.at, [GENERAL])
    account = accounts.get(change.connection, account_id)
    assert account is not None
    person = Person(
        username=username,
        account_id=account_id,
        key=_key(core, change, username, account_id),
        password=issue_password(core, change, account),
        secret=issue_totp(core, change, account),
        device=core.devices.create(change.connection, account_id, "Office PC", at=change.at),
    )
    return Resident(
        person=person,
        recovery=core.recovery.replace(change.connection, account_id, change.at)[0],
        link=links.make(change.connection, account_id, Purpose.PASSWORD, change.at, core.entropy),
    )


def _script(core: Core, change: Change, username: str, school: str) -> Resident:
    owner = accounts.find(change.connection, "h.head")
    assert owner is not None
    account_id = enter_service(change.connection, username, owner.id, change.at, ["127.0.0.0/8"])
    admit(change.connection, account_id, school, SERVICE_ROLE, change.at, [GENERAL])
    person = Person(
        username=username,
        account_id=account_id,
        kind=Kind.SERVICE,
        key=_key(core, change, username, account_id),
        device=core.devices.create(change.connection, account_id, "Server", at=change.at),
    )
    return Resident(person=person)


def _key(core: Core, change: Change, username: str, account_id: int) -> Path:
    private = Ed25519PrivateKey.generate()
    file = core.home.path / "people" / f"{username}.key"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    file.chmod(0o600)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    keys.add(change.connection, account_id, public, "Office PC", at=change.at)
    return file


def _put(connection: Connection, account_id: int, standing: Standing, change: Change) -> None:
    row = update(Account).where(Account.id == account_id)
    if standing in (Standing.SUSPENDED, Standing.LEFT):
        accounts.set_state(connection, account_id, standing.state, change.at)
    elif standing is Standing.INVITED:  # no act takes an account back there and leaves it its credentials: by hand
        connection.execute(row.values(state=AccountState.INVITED))
    elif standing is Standing.EXPIRED:  # time does this
        connection.execute(row.values(expires_at=change.at - timedelta(seconds=1)))
    elif standing is Standing.NO_GRANT:
        membership.revoke(connection, account_id, _school(connection), categories.find(connection, GENERAL), change.at)
    elif standing is Standing.NO_SCHOOL:
        membership.leave(connection, account_id, _school(connection), change.at)
    elif standing is Standing.ROLE_OVER:  # time does this
        over = update(Membership).where(Membership.account_id == account_id)
        connection.execute(over.values(expires_at=change.at - timedelta(seconds=1)))
    elif standing is Standing.REVIEW_OVERDUE:  # time does this
        late = update(Membership).where(Membership.account_id == account_id)
        connection.execute(late.values(suspended_at=change.at))


def _school(connection: Connection) -> int:
    return schools.find(connection, ASHBY).id
