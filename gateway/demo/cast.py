"""The people of the story become accounts: entered on the first day, given credentials later, and one of them leaves.

Called by the build, within changes that are recorded as an operator's would be. One thread. Raises OperatorError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import Connection

from auth import accounts, keys
from auth.accounts import SERVICE_LIFE, AccountRow
from auth.principal import AccountState, Kind
from config.clock import london_date
from config.files import make_private_folder, write_durably
from config.settings import SPECIMEN
from gateway.agreeing import sign
from gateway.change import Change
from gateway.core import Core
from gateway.demo.people import ALDREDA, PEOPLE, SCHOOLS, StoryPerson
from gateway.demo.settings_file import NEW_AGREEMENT
from gateway.issuing import issue_password, issue_totp
from policy import agreement, categories, membership, schools
from policy.agreement import Rules, Signature
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE

SLOW_TO_SIGN = ALDREDA

_DEVICE = "Demonstration PC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What a person signs in with; None for what this person does not have. No representation shows a secret."""

    private_key: Path
    password: str | None = None
    totp_secret: str | None = None
    device_password: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(private_key={self.private_key})"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The ids of schools by DfE number, of accounts by short name, and of categories by name."""

    schools: Mapping[str, int]
    accounts: Mapping[str, int]
    categories: Mapping[str, int]


def enter(core: Core, change: Change) -> Numbers:
    """Schools, people and what each was granted."""
    connection = change.connection
    school_ids = {}
    rules = agreement.rules(connection, core.settings, change.at)
    for school in SCHOOLS.values():
        row = schools.add(connection, dfe=school.dfe, name=school.name, urn=school.urn, at=change.at)
        school_ids[school.dfe] = row.id
        change.record(EventKind.SCHOOL_CHANGED, f"school:{row.id}", school=row.id, reason="school added")
        _sign(change, rules, row.id, SPECIMEN.version, school.head)
    category_ids = {name: number for number, name in categories.names(connection).items()}
    account_ids: dict[str, int] = {}
    for person in PEOPLE:
        account_id = account_ids[person.username] = _create(core, change, person, account_ids)
        change.record(EventKind.ACCOUNT_CHANGED, f"account:{account_id}", reason=f"{person.kind} added")
        for dfe, granted in person.grants.items():
            school_id = school_ids[dfe]
            role = SERVICE_ROLE if person.kind is Kind.SERVICE else person.role
            membership.join(connection, account_id, school_id, role, change.at)
            for name in granted:
                membership.grant(connection, account_id, school_id, category_ids[name], change.at)
            change.record(EventKind.ACCESS_GRANTED, f"account:{account_id}", school=school_id, reason=f"role {role}")
    return Numbers(school_ids, account_ids, category_ids)


def issue(core: Core, change: Change) -> dict[str, Credentials]:
    """Everybody's credentials, by short name; private keys are written below `people/` in the home."""
    return {person.username: _issue_to(core, change, person) for person in PEOPLE}


def leave(change: Change) -> None:
    """Whoever the story says has left, leaves: with this, every credential of theirs ends."""
    for person in PEOPLE:
        if person.state is AccountState.LEFT:
            account = _account(change.connection, person)
            accounts.set_state(change.connection, account.id, AccountState.LEFT, change.at)
            change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason="left")


def sign_new(core: Core, change: Change) -> None:
    """Every school signs the new version of the agreement, but for one that still has to."""
    rules = agreement.rules(change.connection, core.settings, change.at)
    for school in SCHOOLS.values():
        if school.dfe != SLOW_TO_SIGN:
            row = schools.find(change.connection, school.dfe)
            _sign(change, rules, row.id, NEW_AGREEMENT, school.head)


def _sign(change: Change, rules: Rules, school_id: int, version: str, head: str) -> None:
    sign(change, rules, school_id, Signature(version=version, signed_on=london_date(change.at), signed_by=head))


def _create(core: Core, change: Change, person: StoryPerson, known: Mapping[str, int]) -> int:
    if person.kind is Kind.SERVICE:
        assert person.owner is not None, "the story gives every script an owner"
        return accounts.create_service(
            change.connection,
            username=person.username,
            name=person.name,
            owner_id=known[person.owner],
            networks=person.networks,
            expires_at=change.at + SERVICE_LIFE,
            at=change.at,
        )
    assert person.email is not None, "the story gives every person an address"
    return accounts.create_person(
        change.connection,
        username=person.username,
        email=person.email,
        name=person.name,
        at=change.at,
        rules=core.addresses,
        layout=person.layout,
        roles=person.staff_roles,
        state=AccountState.ACTIVE,
    )


def _issue_to(core: Core, change: Change, person: StoryPerson) -> Credentials:
    account = _account(change.connection, person)
    is_person = person.kind is Kind.PERSON
    return Credentials(
        private_key=_issue_key(core, change, account),
        password=issue_password(core, change, account) if is_person else None,
        totp_secret=issue_totp(core, change, account) if is_person else None,
        device_password=None if person.staff_roles else _issue_device(core, change, account),
    )


def _issue_key(core: Core, change: Change, account: AccountRow) -> Path:
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    folder = core.home.path / "people" / account.username
    make_private_folder(folder)
    file = folder / "id_ed25519"
    write_durably(file, pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    write_durably(file.with_suffix(".pub"), public + b"\n", 0o644)
    key = keys.add(change.connection, account.id, public.decode(), _DEVICE, at=change.at)
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason=f"key {key.id} {key.fingerprint}")
    return file


def _issue_device(core: Core, change: Change, account: AccountRow) -> str:
    password = core.devices.create(change.connection, account.id, _DEVICE, at=change.at)
    change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="device password")
    return password


def _account(connection: Connection, person: StoryPerson) -> AccountRow:
    account = accounts.find(connection, person.username)
    assert account is not None, "it was entered on the first day"
    return account
