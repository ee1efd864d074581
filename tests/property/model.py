"""What everybody should see, in the words of the rules and a few lines: knows no database, key or protocol."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from posixpath import dirname
from zoneinfo import ZoneInfo

from auth.principal import Kind
from tests.support.story import Person

LONDON = ZoneInfo("Europe/London")
HEAD = "Headteacher"
FOLDERS = {"830-2001": "830-2001 Alder Primary", "830-2002": "830-2002 Birch Primary"}
CATEGORIES = ("General", "SEND")
ABOUT = "/About this drive.txt"

Span = tuple[datetime | None, datetime | None]
ALWAYS: Span = (None, None)


def day_of(at: datetime) -> date:
    return at.astimezone(LONDON).date()


@dataclass(kw_only=True)
class Paper:
    """A document; `schools` are those that have it, less each from which it is withdrawn.

    `withdrawn_at` is when the last of them lost it, `holds` how many keep it, `doomed` that its end may have begun.
    """

    name: str
    data: bytes
    category: str
    schools: frozenset[str]
    roles: frozenset[str]
    withheld: bool
    at: datetime
    reference: str = ""
    withdrawn_at: datetime | None = None
    holds: int = 0
    doomed: bool = False
    destroyed: bool = False

    def falls_due(self, at: datetime, *, early: bool = False) -> bool:
        """Whether it is to be destroyed at `at`: after its day, or after that of its withdrawal, unless it is held."""
        gone = self.withdrawn_at is not None and (early or day_of(self.withdrawn_at) < day_of(at))
        return not self.holds and (gone or day_of(at) > self.destroy_day)

    @property
    def destroy_day(self) -> date:
        """The ninetieth day after that of publication [R9]."""
        return day_of(self.at) + timedelta(days=90)

    @property
    def last_day(self) -> date:
        """That, or the end of the third month after, whichever is first [R2]."""
        sent = day_of(self.at)
        years, month = divmod(sent.month - 1 + 3, 12)
        year, month = sent.year + years, month + 1
        return min(self.destroy_day, date(year, month, calendar.monthrange(year, month)[1]))

    @property
    def folder(self) -> str:
        sent = day_of(self.at)
        return f"{sent:%Y-%m} {calendar.month_name[sent.month]}/{self.category}"


@dataclass(kw_only=True)
class Reader:
    """Somebody who reads: `roles` by school, `grants` by school and category, each from when until when."""

    person: Person
    roles: dict[str, str]
    grants: dict[tuple[str, str], list[Span]] = field(default_factory=dict)
    left: bool = False

    @property
    def comes_in(self) -> bool:
        """Whether the doors open to this reader [R19]."""
        return bool(self.roles) and not self.left

    def sees(self, paper: Paper, school: str, at: datetime) -> bool:
        """Whether this reader reads `paper` in the folder of `school` [R3] [R5] [R9]."""
        role, spans = self.roles.get(school), self.grants.get((school, paper.category), ())
        granted = any((since is None or since <= at) and (until is None or at < until) for since, until in spans)
        return (
            role is not None
            and not self.left
            and school in paper.schools
            and not paper.destroyed
            and day_of(at) <= paper.last_day
            and (role == HEAD or granted)
            and (role == HEAD or not paper.roles or role in paper.roles)
            and not (role == HEAD and paper.withheld)
        )

    def root(self, school: str) -> str:
        return f"/{FOLDERS[school]}/Derbyshire Documents" if self.person.by_school else "/Derbyshire Documents"

    def path(self, paper: Paper, school: str) -> str:
        """Where `paper` stands, or would stand, in this reader's tree."""
        return f"{self.root(school)}/{paper.folder}/{paper.name}"

    def documents(self, papers: Iterable[Paper], at: datetime) -> dict[str, Paper]:
        """What this reader sees, by path."""
        return {
            self.path(paper, school): paper
            for paper in papers
            for school in paper.schools
            if self.sees(paper, school, at)
        }

    def tree(self, papers: Iterable[Paper], at: datetime) -> set[str]:
        """Every path that a client finds that looks everywhere: documents, their folders, and what always stands."""
        found = {self.root(school) for school in self.roles} | set(self.documents(papers, at))
        above = set[str]()
        for path in found:
            while (path := dirname(path)) != "/":
                above.add(path)
        return found | above | ({ABOUT} if self.person.kind is Kind.PERSON else set())
