"""The information sharing agreement: which version a school has signed, and until when that one is in force [R23].

Called by the commands, the jobs and the demo. Functions take the caller's connection, and writers leave it to whoever
calls them to tell every process. Raises OperatorError for what a person typed wrongly.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from config.clock import end_of_day, london_date
from config.errors import OperatorError
from config.settings import Settings, Term
from policy.models import AgreementSigned, AgreementVersion, School
from policy.school_days import school_days_after
from policy.schools import clean

_OLDEST_FIRST = (AgreementSigned.signed_on, AgreementSigned.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """That somebody (`signed_by`, a person's name) signed a version for a school on a day of Europe/London."""

    version: str
    signed_on: date
    signed_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What is to be signed, as it stands at `at`.

    `listed`: every version of the settings. `begun`: those that are in force, the oldest first, each with the day from
    which schools have `school_days` to sign it: the day it came into force, or was first seen here, whichever is later.
    """

    at: datetime
    listed: tuple[str, ...]
    begun: tuple[tuple[str, date], ...]
    terms: Sequence[Term]
    school_days: int

    @property
    def current(self) -> str | None:
        """The version that schools should have signed; None where none is in force yet."""
        return self.begun[-1][0] if self.begun else None


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """The version in force in a school, None where none is, and the moment that ends it, None where nothing does."""

    version: str | None
    until: datetime | None


class Stage(StrEnum):
    """How near the end has come, when somebody is reminded that a newer version is to be signed."""

    NEW = "new"
    SOON = "soon"
    LAST_DAY = "last day"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """A school in which another version is in force than before, or another moment ends it."""

    school_id: int
    now: InForce


def rules(connection: Connection, settings: Settings, at: datetime) -> Rules:
    """The rules of these settings at `at`."""
    today = london_date(at)
    rows = connection.execute(select(AgreementVersion.version, AgreementVersion.entered_at))
    entered = {row.version: row.entered_at for row in rows}
    versions = settings.agreement.versions
    begun = [
        (text.version, max(text.in_force_on, london_date(entered.get(text.version, at))))
        for text in versions
        if text.in_force_on <= today
    ]
    return Rules(
        at=at,
        listed=tuple(text.version for text in versions),
        begun=tuple(begun),
        terms=settings.terms,
        school_days=settings.agreement.school_days,
    )


def in_force(signed: Collection[str], rules: Rules) -> InForce:
    """What is in force in a school that has signed these versions.

    It is the newest of them that has begun. The first that is newer ends it, when its school days are over. What is not
    listed any more counts as older than all that are.
    """
    newest = max((number for number, (version, _) in enumerate(rules.begun) if version in signed), default=None)
    unlisted = [version for version in signed if version not in rules.listed]
    if newest is None and not unlisted:
        return InForce(version=None, until=None)
    version = unlisted[-1] if newest is None else rules.begun[newest][0]
    newer = rules.begun[0 if newest is None else newest + 1 :]
    if not newer:
        return InForce(version=version, until=None)
    last_day = school_days_after(newer[0][1], rules.school_days, rules.terms)
    return InForce(version=version, until=end_of_day(last_day))


def record(
    connection: Connection, school_id: int, signature: Signature, rules: Rules, *, recorded_by: int | None
) -> Signature:
    """Take over that the school has signed, as account `recorded_by` says.

    The signature as it is kept. Raises OperatorError for a version that is not listed, a day to come, no name, or what
    is known already.
    """
    kept = Signature(
        version=known_version(signature.version, rules),
        signed_on=past_day(signature.signed_on, rules),
        signed_by=signer(signature.signed_by),
    )
    known = signatures(connection, school_id)
    if kept in known:
        raise OperatorError(f"That {kept.signed_by} signed {kept.version} on {kept.signed_on} is recorded already.")
    connection.execute(
        insert(AgreementSigned).values(
            school_id=school_id,
            version=kept.version,
            signed_on=kept.signed_on,
            signed_by=kept.signed_by,
            recorded_at=rules.at,
            recorded_by=recorded_by,
        )
    )
    _put(connection, school_id, in_force([*(one.version for one in known), kept.version], rules))
    return kept


def roll(connection: Connection, rules: Rules) -> list[Turned]:
    """Let every school be as `rules` say, and say which were otherwise. Idempotent."""
    signed: dict[int, list[str]] = {}
    for one in connection.execute(select(AgreementSigned.school_id, AgreementSigned.version).order_by(*_OLDEST_FIRST)):
        signed.setdefault(one.school_id, []).append(one.version)
    turned = []
    for school in connection.execute(select(School).order_by(School.id)).all():
        now = in_force(signed.get(school.id, ()), rules)
        if now != InForce(version=school.agreement, until=school.agreement_until):
            _put(connection, school.id, now)
            turned.append(Turned(school_id=school.id, now=now))
    return turned


def signatures(connection: Connection, school_id: int) -> list[Signature]:
    """What the school has signed, the oldest first."""
    found = select(AgreementSigned).where(AgreementSigned.school_id == school_id)
    return [_signature(row) for row in connection.execute(found.order_by(*_OLDEST_FIRST))]


def every_signature(connection: Connection) -> set[tuple[int, Signature]]:
    """What all schools have signed, by their ids."""
    return {(row.school_id, _signature(row)) for row in connection.execute(select(AgreementSigned))}


def known_version(version: str, rules: Rules) -> str:
    """`version`. Raises OperatorError where none is called so."""
    if version not in rules.listed:
        listed = ", ".join(rules.listed)
        raise OperatorError(f"There is no version '{version}' of the agreement: agreement.versions has {listed}.")
    return version


def past_day(day: date, rules: Rules) -> date:
    """`day`. Raises OperatorError for one to come."""
    if day > london_date(rules.at):
        raise OperatorError(f"{day} is still to come: give the day on which it was signed.")
    return day


def signer(name: str) -> str:
    """The name as it is kept. Raises OperatorError where there is none."""
    kept = clean(name)
    if not kept:
        raise OperatorError("Say who signed it, for example --signed-by 'Margaret Ashworth'.")
    return kept


def _signature(row: Row[Any]) -> Signature:
    return Signature(version=row.version, signed_on=row.signed_on, signed_by=row.signed_by)


def _put(connection: Connection, school_id: int, now: InForce) -> None:
    school = update(School).where(School.id == school_id)
    connection.execute(school.values(agreement=now.version, agreement_until=now.until))
