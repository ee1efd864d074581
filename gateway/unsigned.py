"""Headteachers are reminded of a new version of the agreement, before it blocks and when it does [R33].

A job of every day at 07:00. When it is new, 14 and 3 school days before the last day, on that day, and when documents
are held back: each once, for what was told stands in the outbox itself. A service that stood still tells the latest of
these when it runs again. Where nobody heads a school whom a mail would reach the authority is told. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from auth import accounts
from auth.principal import AccountState
from config.clock import london_date
from config.database import Database
from config.entropy import Entropy
from config.settings import Settings, Term
from gateway.mail import outbox
from gateway.mail.outbox import Letter, MailKind
from policy import agreement, generations, roster, schools
from policy.agreement import Stage
from policy.school_days import SCHOOL_DAYS_BEFORE, school_days_before
from policy.schools import SchoolRow

_TURN = "agreement reminders"  # the counter whose row lets one process remind at a time
_BEHIND = timedelta(days=14)  # what ended longer ago may have been told and forgotten
_MOMENT = timedelta(microseconds=1)


class Unsigned:
    """The reminders of one home."""

    def __init__(self, database: Database, settings: Settings, entropy: Entropy) -> None:
        self._database = database
        self._settings = settings
        self._entropy = entropy

    def turn(self, at: datetime) -> None:
        """Remind whoever is due and was not reminded yet. Raises SQLAlchemyError, OSError."""
        with self._database.write() as connection:
            generations.bump(connection, _TURN)
            told = {
                (account, item["mark"])
                for account, facts in outbox.posted(connection, MailKind.AGREEMENT_DUE, at - outbox.KEPT)
                for item in facts["agreements"]
            }
            due: dict[tuple[int | None, str], list[dict[str, Any]]] = {}
            for school, item in self._items(connection, at):
                for whom in self._whom(connection, school, at):
                    if (whom[0], item["mark"]) not in told:
                        due.setdefault(whom, []).append(item)
            for (account_id, address), items in due.items():
                facts = {"agreements": items}
                letter = Letter(kind=MailKind.AGREEMENT_DUE, address=address, account_id=account_id, facts=facts)
                outbox.post(connection, letter, at, self._entropy)

    def _items(self, connection: Connection, at: datetime) -> Iterator[tuple[SchoolRow, dict[str, Any]]]:
        """What is to be told of each school in which a newer version than its own is to be signed."""
        wanted = agreement.rules(connection, self._settings, at).current
        for school in schools.listing(connection):
            if school.agreement_until is None:
                continue
            last_day = london_date(school.agreement_until - _MOMENT)
            reached = stage(last_day, london_date(at), self._settings.terms)
            if reached is not None:
                yield (
                    school,
                    {
                        "dfe": school.dfe,
                        "school": school.name,
                        "version": wanted,
                        "last_day": last_day.isoformat(),
                        "stage": reached[0],
                        "mark": f"{school.id} {wanted} {last_day} {reached[0]} {reached[1]}",
                    },
                )

    def _whom(self, connection: Connection, school: SchoolRow, at: datetime) -> list[tuple[int | None, str]]:
        heads = (accounts.get(connection, head) for head in roster.heads_of(connection, school.id, at))
        found = [(head.id, head.email) for head in heads if head and head.state is AccountState.ACTIVE and head.email]
        return [*found] or [(None, self._settings.support.mail)]


def stage(last_day: date, today: date, terms: Sequence[Term]) -> tuple[Stage, int] | None:
    """How near `last_day` has come on `today`, with the school days that are left at that stage; None long after."""
    rows = (
        (today > last_day + _BEHIND, None),
        (today > last_day, (Stage.ENDED, 0)),
        (today == last_day, (Stage.LAST_DAY, 0)),
        *(
            (school_days_before(last_day, count, terms) <= today, (Stage.SOON, count))
            for count in sorted(SCHOOL_DAYS_BEFORE)
        ),
        (True, (Stage.NEW, 0)),
    )
    return next(reached for applies, reached in rows if applies)
