"""The information sharing agreement: which version a school has signed, and until when that one is in force [R23].

Called by the commands and the demo. Functions take the caller's connection; writers bump the counter that every process
watches. Raises OperatorError for what a person typed wrongly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, insert, select, update

from config.clock import london_date
from config.errors import OperatorError
from policy import generations
from policy.models import AgreementSigned, School
from policy.schools import clean

SPECIMEN = "specimen-1"
"""The version that is shipped, for those who have no text of their own yet."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,39}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """That somebody (`signed_by`, a person's name) signed a version for a school on a day of Europe/London."""

    version: str
    signed_on: date
    signed_by: str


def record(
    connection: Connection, school_id: int, signature: Signature, at: datetime, *, recorded_by: int | None
) -> Signature:
    """Take over that the school has signed, as account `recorded_by` says; the version is in force from now on.

    The signature as it is kept. Raises OperatorError for a day to come, no name, or what is known already.
    """
    kept = _checked(signature, at)
    if kept in signatures(connection, school_id):
        raise OperatorError(f"That {kept.signed_by} signed {kept.version} on {kept.signed_on} is recorded already.")
    connection.execute(
        insert(AgreementSigned).values(
            school_id=school_id,
            version=kept.version,
            signed_on=kept.signed_on,
            signed_by=kept.signed_by,
            recorded_at=at,
            recorded_by=recorded_by,
        )
    )
    in_force = update(School).where(School.id == school_id).values(agreement=kept.version, agreement_until=None)
    connection.execute(in_force)
    generations.bump(connection, generations.ACCESS)
    return kept


def signatures(connection: Connection, school_id: int) -> list[Signature]:
    """What the school has signed, the oldest first."""
    found = select(AgreementSigned).where(AgreementSigned.school_id == school_id)
    rows = connection.execute(found.order_by(AgreementSigned.signed_on, AgreementSigned.id))
    return [Signature(version=row.version, signed_on=row.signed_on, signed_by=row.signed_by) for row in rows]


def _checked(signature: Signature, at: datetime) -> Signature:
    if not _VERSION.fullmatch(signature.version):
        raise OperatorError(f"'{signature.version}' is no version of an agreement: write it like 2026-1.")
    if signature.signed_on > london_date(at):
        raise OperatorError(f"{signature.signed_on} is still to come: give the day on which it was signed.")
    name = clean(signature.signed_by)
    if not name:
        raise OperatorError("Say who signed it, for example --signed-by 'Margaret Ashworth'.")
    return Signature(version=signature.version, signed_on=signature.signed_on, signed_by=name)
