"""How a school stands, as one value that people see: its state, its agreement and its access review [R22] [R23].

Called by the commands. What it means for a reader is decided in `policy.holdings`. Takes the caller's connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from config.clock import london_date
from policy.models import AccessReview, School
from policy.schools import SchoolState

_MOMENT = timedelta(microseconds=1)


class SchoolOrder(StrEnum):
    """How a school stands, from good to bad.

    `DUE`: something is to be done by a day. `OVERDUE`: it is late, and nothing is lost yet. `SUSPENDED`: some or all of
    its people read nothing.
    """

    IN_FORCE = "in force"
    DUE = "due"
    OVERDUE = "overdue"
    SUSPENDED = "suspended"


class Cause(StrEnum):
    """What a school's order comes from."""

    NOTHING = ""
    SCHOOL = "the school is suspended"
    NO_AGREEMENT = "no agreement in force"
    AGREEMENT = "a new agreement"
    REVIEW = "the access review"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """`state`, and what it comes from.

    `day`, of Europe/London: the last on which what is due may be done, the one on which what is overdue suspends, the
    one since which that is so; None where it is not known.
    """

    state: SchoolOrder
    cause: Cause = Cause.NOTHING
    day: date | None = None

    def __str__(self) -> str:
        words = {SchoolOrder.DUE: "until", SchoolOrder.OVERDUE: "suspends on", SchoolOrder.SUSPENDED: "since"}
        day = "" if self.day is None else f", {words[self.state]} {self.day}"
        return f"{self.state}: {self.cause}{day}" if self.cause else self.state.value


_GRAVITY = tuple(SchoolOrder)
_GOOD = Order(state=SchoolOrder.IN_FORCE)


def orders(connection: Connection, at: datetime) -> dict[int, Order]:
    """The order of every school at `at`, by its id."""
    open_ = AccessReview.confirmed_at.is_(None)
    reviews: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(AccessReview.__table__).where(open_)):
        reviews.setdefault(row.school_id, []).append(row)
    return {row.id: _gravest(row, reviews.get(row.id, ()), at) for row in connection.execute(select(School))}


def _gravest(school: Row[Any], reviews: Iterable[Row[Any]], at: datetime) -> Order:
    """The worst of what a school is in; of what is due, what is due first."""
    found = [*_of_school(school, at), *(_of_review(review, at) for review in reviews)]
    return min(found, key=lambda one: (-_GRAVITY.index(one.state), one.day or date.min), default=_GOOD)


def _of_school(school: Row[Any], at: datetime) -> Iterator[Order]:
    if school.state != SchoolState.ACTIVE:
        yield Order(state=SchoolOrder.SUSPENDED, cause=Cause.SCHOOL)
    if school.agreement is None:
        yield Order(state=SchoolOrder.SUSPENDED, cause=Cause.NO_AGREEMENT)
    elif school.agreement_until is not None:
        if at >= school.agreement_until:
            yield Order(state=SchoolOrder.SUSPENDED, cause=Cause.NO_AGREEMENT, day=london_date(school.agreement_until))
        else:
            last = london_date(school.agreement_until - _MOMENT)
            yield Order(state=SchoolOrder.DUE, cause=Cause.AGREEMENT, day=last)


def _of_review(review: Row[Any], at: datetime) -> Order:
    if review.suspended_at is not None:
        return Order(state=SchoolOrder.SUSPENDED, cause=Cause.REVIEW, day=london_date(review.suspended_at))
    if london_date(at) > review.due_on:
        return Order(state=SchoolOrder.OVERDUE, cause=Cause.REVIEW, day=review.suspends_on)
    return Order(state=SchoolOrder.DUE, cause=Cause.REVIEW, day=review.due_on)
