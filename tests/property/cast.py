"""Who lives in the home of a story: founded once a process, because keys and Argon2 take time, and then copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth import accounts, keys
from auth.principal import Kind, Layout, StaffRole
from gateway import core as cores
from gateway.change import Change, changing
from gateway.core import Core
from gateway.issuing import issue_password, issue_totp
from policy.audit.events import EventKind
from policy.membership import SERVICE_ROLE
from tests.property.model import ALWAYS, FOLDERS, HEAD, Reader
from tests.support.clock import FakeClock
from tests.support.home import empty_home
from tests.support.people import admit, enter_person, enter_school, enter_service
from tests.support.story import Person

ALDER, BIRCH = FOLDERS
OFFICER, SECOND = "o.officer", "o.second"
_OWNER = "p.owner"
SCRIPT = "nightly"
_CAST = (
    Reader(person=Person(username="h.head"), roles={ALDER: HEAD}),
    Reader(person=Person(username="s.senco"), roles={ALDER: "SENCO"}, grants={(ALDER, "SEND"): [ALWAYS]}),
    Reader(
        person=Person(username="b.both", layout=Layout.BY_SCHOOL),
        roles={ALDER: "Office", BIRCH: "Office"},
        grants={(ALDER, "General"): [ALWAYS], (BIRCH, "General"): [ALWAYS]},
    ),
    Reader(
        person=Person(username=SCRIPT, kind=Kind.SERVICE),
        roles={ALDER: SERVICE_ROLE},
        grants={(ALDER, "General"): [ALWAYS], (ALDER, "SEND"): [ALWAYS]},
    ),
)
NAMES = tuple(reader.person.username for reader in _CAST)
ROLES = {reader.person.username: next(iter(reader.roles.values())) for reader in _CAST}


def home(path: Path) -> None:
    """The home, at `path`, at a `FakeClock`'s first moment."""
    shutil.copytree(_template()[0] / "home", path)


def readers() -> dict[str, Reader]:
    """Everybody who reads, as they are at the beginning."""
    people = _template()[1]
    return {
        one.person.username: Reader(
            person=people[one.person.username], roles=dict(one.roles), grants=deepcopy(one.grants)
        )
        for one in _CAST
    }


@cache
def _template() -> tuple[Path, Mapping[str, Person]]:
    place = Path(tempfile.mkdtemp(prefix="ladocs-cast-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    core = cores.core(*empty_home(place / "home"), clock=FakeClock())
    try:
        with cores.recording(core) as log, changing(core, log, None, "a story") as change:
            for dfe, folder in FOLDERS.items():
                enter_school(change.connection, dfe, folder.removeprefix(f"{dfe} "), change.at, core.settings)
            for officer in (OFFICER, SECOND):
                enter_person(change.connection, officer, change.at, roles=[StaffRole.OFFICER])
            owner = enter_person(change.connection, _OWNER, change.at)
            people = [_entered(core, change, reader, owner, place) for reader in _CAST]
            change.record(EventKind.ACCOUNT_CHANGED, "the cast")
    finally:
        core.database.dispose()
    return place, {person.username: person for person in people}


def _entered(core: Core, change: Change, reader: Reader, owner: int, place: Path) -> Person:
    person, connection = reader.person, change.connection
    if person.kind is Kind.PERSON:
        number = enter_person(connection, person.username, change.at, layout=person.layout)
    else:
        number = enter_service(connection, person.username, owner, change.at, ["127.0.0.0/8"])
    for school, role in reader.roles.items():
        granted = [category for dfe, category in reader.grants if dfe == school]
        admit(connection, number, school, role, change.at, granted)
    account = accounts.get(connection, number)
    assert account is not None
    is_person = person.kind is Kind.PERSON
    return replace(
        person,
        account_id=number,
        password=issue_password(core, change, account) if is_person else "",
        secret=issue_totp(core, change, account) if is_person else "",
        device=core.devices.create(connection, number, "Office PC", at=change.at),
        key=_key(change, number, place / person.username),
    )


def _key(change: Change, account: int, file: Path) -> Path:
    private = Ed25519PrivateKey.generate()
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    keys.add(change.connection, account, public, "Office PC", at=change.at)
    return file
