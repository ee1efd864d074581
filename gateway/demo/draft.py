"""What a letter writer is given and what it hands back: an `Occasion`, and a `Draft` that knows its bytes.

Called by every letter writer and by the plan. Frozen; a draft's bytes are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.demo.csvfile import csv_of
from gateway.demo.docx import docx_of
from gateway.demo.draw import Draw
from gateway.demo.paper import Block, Paper, Sheet, Workbook
from gateway.demo.people import EHSG, GENERAL, HR, SEND, StorySchool
from gateway.demo.typeset import pdf_of
from gateway.demo.xlsx import xlsx_of

_DIRECTORATES = {
    SEND: "Children’s Services · SEND Assessment and Planning",
    GENERAL: "Children’s Services · Schools and Learning",
    HR: "Shared Services Centre · Schools HR and Payroll",
    EHSG: "Education Health and Safety Group",
}
_INITIALS = {SEND: "SEN", GENERAL: "SCH", HR: "SSC", EHSG: "EHS"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """A document's circumstances. `school` is the addressee, or one of them where it goes to several."""

    school: StorySchool
    day: date
    draw: Draw
    category: str
    to_all: bool = False

    def paper(
        self, title: str, blocks: tuple[Block, ...], *, signatory: tuple[str, ...] = (), report: bool = False
    ) -> Paper:
        """A letter to the school, or a report about it, under the category's letterhead."""
        head = self.school.head.rsplit(" ", 1)
        addressee = () if report else self.school.addressee
        salutation = f"Dear {head[0].split(' ')[0]} {head[1]}"
        if self.to_all:
            addressee, salutation = (
                ("Headteachers and chairs of governors", "of all maintained schools"),
                "Dear colleague",
            )
        return Paper(
            title=title,
            directorate=_DIRECTORATES[self.category],
            reference=f"{_INITIALS[self.category]}/{self.day:%y%m}/{self.draw.between(1000, 9899)}",
            day=self.day,
            blocks=blocks,
            addressee=addressee,
            salutation="" if report else salutation,
            signatory=signatory,
        )

    def before(self, most: int, least: int = 1) -> date:
        """A working day in the past of this document, between so many days back."""
        return self.draw.working_day(self.day, (-most, -least - 4))

    def after(self, least: int, most: int) -> date:
        """A working day after this document."""
        return self.draw.working_day(self.day, (least, most))

    @property
    def week_ending(self) -> date:
        """The Friday before this document."""
        return self.day - timedelta(days=self.day.weekday() + 3)


@dataclass(frozen=True, slots=True)
class Draft:
    """A document's name, and how its bytes are made."""

    name: str
    data: Callable[[], bytes]


Writer = Callable[[Occasion], Draft]


def pdf(name: str, paper: Paper) -> Draft:
    """A draft that becomes a PDF file."""
    return Draft(f"{name}.pdf", lambda: pdf_of(paper))


def docx(name: str, paper: Paper) -> Draft:
    """A draft that becomes a Word document."""
    return Draft(f"{name}.docx", lambda: docx_of(paper))


def xlsx(name: str, day: date, *sheets: Sheet) -> Draft:
    """A draft that becomes an Excel workbook."""
    return Draft(f"{name}.xlsx", lambda: xlsx_of(Workbook(sheets, day)))


def csv(name: str, sheet: Sheet) -> Draft:
    """A draft that becomes a CSV file."""
    return Draft(f"{name}.csv", lambda: csv_of(sheet))
