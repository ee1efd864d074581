"""Schools: their numbers, names, state and folder names [R6].

Called by the commands and by `policy.access`. Functions take the caller's connection; writers bump the counter that
every process watches. Raises OperatorError for what a person typed wrongly.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from auth.networks import canonical
from config.clock import london_date
from config.errors import OperatorError
from policy import generations
from policy.models import School, SchoolNetwork

_DFE = re.compile(r"(\d{3})[-/ ]?(\d{4})")
_URN = re.compile(r"\d{5,7}")
_FOLDER_LIMIT = 40
_WIDEST = {4: 16, 6: 32}
"""The shortest prefix of a school's network, by version of IP: a wider one would know half the county's strangers."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]')


class SchoolState(StrEnum):
    """Whether a school's people are let in."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolRow:
    """A school as the commands show it."""

    id: int
    dfe: str
    urn: str | None
    name: str
    state: SchoolState
    agreement: str | None
    agreement_until: datetime | None


def dfe_number(text: str) -> str:
    """`text` as `LLL-EEEE` (local authority, establishment). Raises OperatorError."""
    match = _DFE.fullmatch(text.strip())
    if match is None:
        raise OperatorError(f"'{text}' is not a DfE number: write it like 830-2001.")
    return f"{match[1]}-{match[2]}"


def clean(name: str) -> str:
    """A school's name as it is kept: composed (NFC), single spaces, nothing that cannot be seen."""
    seen = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in name)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def add(connection: Connection, *, dfe: str, name: str, urn: str | None, at: datetime) -> SchoolRow:
    """Enter a school. Raises OperatorError when its number is malformed or already there."""
    dfe, name = dfe_number(dfe), clean(name)
    if not name:
        raise OperatorError("A school needs a name, for example --name 'Example Primary School'.")
    if urn is not None and not _URN.fullmatch(urn):
        raise OperatorError(f"'{urn}' is not a URN: it has five to seven digits, like 112501.")
    same = School.dfe == dfe if urn is None else or_(School.dfe == dfe, School.urn == urn)
    taken = connection.execute(select(School.dfe, School.name).where(same)).first()
    if taken is not None:
        raise OperatorError(f"School {taken.dfe} ({taken.name}) has this number already: see 'ladocs school list'.")
    connection.execute(
        insert(School).values(dfe=dfe, urn=urn, name=name, state=SchoolState.ACTIVE.value, created_at=at)
    )
    generations.bump(connection, generations.ACCESS)
    return find(connection, dfe)


def rename(connection: Connection, school_id: int, name: str, at: datetime) -> None:
    """Give a school a new name; its folder keeps the one that people have seen until the next 1 September."""
    row = connection.execute(select(School).where(School.id == school_id)).one()
    shown = folder_title(row.name, row.earlier_name, row.renamed_on, at)
    connection.execute(
        update(School)
        .where(School.id == school_id)
        .values(name=clean(name), earlier_name=shown, renamed_on=london_date(at))
    )
    generations.bump(connection, generations.ACCESS)


def set_urn(connection: Connection, school_id: int, urn: str) -> None:
    """Give a school its URN, or the new one under which it goes on."""
    connection.execute(update(School).where(School.id == school_id).values(urn=urn))


def networks(connection: Connection, school_id: int) -> list[str]:
    """The networks (CIDR) from which a school's people come: their sign-ins wait behind no stranger's guess [R18]."""
    found = select(SchoolNetwork.network).where(SchoolNetwork.school_id == school_id).order_by(SchoolNetwork.network)
    return list(connection.execute(found).scalars())


def add_network(connection: Connection, school_id: int, network: str) -> str:
    """Enter a network of a school, as CIDR. Raises OperatorError for one that is no school's size, or known."""
    kept = canonical(network)
    parsed = ip_network(kept)
    if parsed.prefixlen < _WIDEST[parsed.version]:
        raise OperatorError(f"{kept} is wider than a school: /{_WIDEST[parsed.version]} is the widest that is taken.")
    if kept in networks(connection, school_id):
        raise OperatorError(f"{kept} is a network of this school already: see 'ladocs school show'.")
    connection.execute(insert(SchoolNetwork).values(school_id=school_id, network=kept))
    return kept


def remove_network(connection: Connection, school_id: int, network: str) -> str:
    """Take a network away from a school. Raises OperatorError where it has no such network."""
    kept = canonical(network)
    gone = delete(SchoolNetwork).where(SchoolNetwork.school_id == school_id, SchoolNetwork.network == kept)
    if connection.execute(gone).rowcount == 0:
        raise OperatorError(f"{kept} is no network of this school: see 'ladocs school show'.")
    return kept


def set_state(connection: Connection, school_id: int, state: SchoolState) -> None:
    """Suspend a school, or let it in again."""
    connection.execute(update(School).where(School.id == school_id).values(state=state.value))
    generations.bump(connection, generations.ACCESS)


def find(connection: Connection, number: str) -> SchoolRow:
    """The school with this DfE number or URN. Raises OperatorError naming the command that lists them."""
    number = number.strip()
    dfe = _DFE.fullmatch(number)
    condition = School.dfe == f"{dfe[1]}-{dfe[2]}" if dfe else School.urn == number
    row = connection.execute(select(School).where(condition)).one_or_none()
    if row is None:
        raise OperatorError(f"No school has the number '{number}': see 'ladocs school list'.")
    return _row(row)


def listing(connection: Connection) -> list[SchoolRow]:
    """All schools by number."""
    return [_row(row) for row in connection.execute(select(School).order_by(School.dfe))]


def folder_title(name: str, earlier_name: str | None, renamed_on: date | None, at: datetime) -> str:
    """The name that the folder carries at `at`: the earlier one until the first 1 September after the renaming."""
    if earlier_name is None or renamed_on is None:
        return name
    change = date(renamed_on.year + ((renamed_on.month, renamed_on.day) >= (9, 1)), 9, 1)
    return earlier_name if london_date(at) < change else name


def folder_name(dfe: str, name: str, earlier_name: str | None, renamed_on: date | None, at: datetime) -> str:
    """`830-2001 Example Primary`, at most 40 characters in NFC, with what Windows cannot carry left out."""
    title = _FORBIDDEN.sub("", unicodedata.normalize("NFC", folder_title(name, earlier_name, renamed_on, at)))
    return f"{dfe} {title}"[:_FOLDER_LIMIT].rstrip(" .")


def _row(row: Row[*tuple[Any, ...]]) -> SchoolRow:
    return SchoolRow(
        id=row.id,
        dfe=row.dfe,
        urn=row.urn,
        name=row.name,
        state=SchoolState(row.state),
        agreement=row.agreement,
        agreement_until=row.agreement_until,
    )
