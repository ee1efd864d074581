"""What Schools and Learning writes to schools: budgets, attendance, admissions, governors, term dates, meals.

Called by the plan of documents. Each writer takes an `Occasion` and returns a `Draft`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from gateway.demo.archive import zip_of
from gateway.demo.draft import Draft, Occasion, Writer, csv, docx, pdf, xlsx
from gateway.demo.draw import Draw, Pupil, academic_name, academic_year, business_day, term
from gateway.demo.paper import Fields, Heading, Paragraph, Sheet, long_date, table

_SIGNED = (
    ("Eleanor Pashley", "Head of Schools and Learning"),
    ("Marcus Adeyemi", "Admissions and Transport Manager"),
    ("Judith Clamp", "Governor Support Manager"),
    ("Vikram Sethi", "Schools Finance Manager"),
)
_BUDGET = (
    ("Teachers", 46, 52),
    ("Support staff", 20, 26),
    ("Premises", 7, 10),
    ("Learning resources", 4, 6),
    ("Energy", 3, 5),
    ("Catering", 3, 4),
    ("Supply cover", 2, 3),
)
_PER_PUPIL = {True: 5180, False: 6670}


def budget_share(at: Occasion) -> Draft:
    """The budget share statement: the share, and how spending stands against it."""
    share = Decimal(at.school.pupils * _PER_PUPIL[at.school.years[0] == 0] + 148_000)
    months = (at.day.month - 4) % 12 + 1
    rows = []
    for line, low, high in _BUDGET:
        budget = (share * at.draw.between(low * 10, high * 10) / 1000).quantize(Decimal("0.01"))
        spent = (budget * months / 12 * at.draw.between(93, 107) / 100).quantize(Decimal("0.01"))
        rows.append((line, budget, spent, budget - spent))
    totals = ("Total", *(sum((row[column] for row in rows), Decimal(0)) for column in (1, 2, 3)))
    basis = (
        ("Pupils on roll at the census", at.school.pupils),
        ("Basic entitlement", share - 148_000),
        ("Lump sum", Decimal(148_000)),
        ("Budget share", share),
        ("Period", f"April to {at.day:%B %Y}"),
    )
    return xlsx(
        f"Budget share statement {at.day:%B %Y}",
        at.day,
        Sheet("Share", f"Budget share, {at.school.name}", ("Item", "Value"), basis),
        Sheet("Spending", f"Spending after {months} months", ("Line", "Budget", "Spent", "Left"), (*rows, totals)),
    )


def attendance_data(at: Occasion) -> Draft:
    """Attendance by year group and week as data."""
    rows = tuple(
        (
            at.week_ending - timedelta(days=7 * week),
            year or "R",
            at.school.pupils // 8 + at.draw.between(-6, 6),
            f"{at.draw.between(884, 978) / 10:.1f}",
            f"{at.draw.between(2, 51) / 10:.1f}",
            at.draw.between(0, 14),
        )
        for week in range(at.draw.between(6, 9))
        for year in range(at.school.years[0], at.school.years[1] + 1)
    )
    header = ("Week ending", "Year", "Pupils", "Attendance %", "Unauthorised %", "Below 90%")
    return csv(f"Attendance data to {at.week_ending:%Y-%m-%d}", Sheet("Attendance", "Attendance", header, rows))


def admissions_list(at: Occasion) -> Draft:
    """Who has applied for a place in the coming year, or in this one."""
    first = at.school.years[0]
    pupils = at.draw.pupils(at.day, (first, first), at.draw.between(12, 44))
    criteria = ("Looked after child", "Named in a plan", "Sibling", "Normal area", "Out of area", "Faith")
    rows = [
        (number, p.name, p.born, at.draw.one(criteria), f"{at.draw.between(2, 96) / 10:.2f}", at.draw.between(1, 3))
        for number, p in enumerate(pupils, 1)
    ]
    blocks = (
        Paragraph(
            "The list below shows applications received for the year of entry, in the order of the surname. Distances"
            " are in miles, from the address point of the home to that of the school. The list is for checking criteria"
            " alone: nobody is to be told of a place before the national day of offers."
        ),
        table(("No.", "Child", "Born", "Criterion", "Miles", "Preference"), (0.5, 2, 1.1, 1.7, 0.7, 1), rows),
        Paragraph(f"Please return corrections by {long_date(at.after(7, 14))}, and say on what evidence they rest."),
    )
    paper = at.paper(f"Applications for admission, {len(rows)} children", blocks, signatory=_SIGNED[1])
    return pdf(f"Admissions list {at.day.day} {at.day:%B %Y}", paper)


def governor_briefing(at: Occasion) -> Draft:
    """A briefing for the governing body, with what it should ask."""
    items = (
        (
            "Attendance",
            "Absence is above that of similar schools on Fridays. Governors may ask what was tried, and what worked.",
        ),
        (
            "Safeguarding",
            "The yearly return is due. The link governor should see the single central record, not a summary of it.",
        ),
        (
            "Budget",
            (
                "The forecast is to be looked at again when the pay award is known. Ask what happens if three pupils"
                " leave."
            ),
        ),
        (
            "Premises",
            "Condition surveys have been done. Which works are the school’s own, and is there money for them?",
        ),
        ("SEND", "Plans rise faster than the money. How does the school know that its support makes a difference?"),
        ("Workload", "Staff were surveyed. What will be stopped, not only what will be begun?"),
        (
            "Complaints",
            "Two complaints reached stage three in the cluster. Is the policy on the website the one that is in use?",
        ),
    )
    chosen = at.draw.some(items, 4)
    blocks: list[Heading | Paragraph | Fields] = [
        Fields(
            (
                ("For", f"The governing body of {at.school.name}"),
                ("Meeting", f"{term(at.day)} term {academic_name(at.day)}"),
            )
        )
    ]
    for number, (heading, text) in enumerate(chosen, 1):
        blocks += [Heading(f"{number}. {heading}"), Paragraph(text)]
    figures = table(
        ("Measure", "School", "County", "England"),
        (2.2, 1, 1, 1),
        [
            (measure, *(f"{at.draw.between(low, high) / 10:.1f}" for _ in range(3)))
            for measure, low, high in (
                ("Attendance, %", 905, 962),
                ("Persistent absence, %", 128, 241),
                ("Pupil premium, %", 178, 312),
                ("Suspensions per 100", 8, 96),
            )
        ],
    )
    paper = at.paper("Briefing for governors", (*blocks, Heading("Figures"), figures), signatory=_SIGNED[2])
    return docx(f"Governors’ briefing {at.day:%B %Y}", paper)


def free_meals(at: Occasion) -> Draft:
    """Eligibility for free school meals, found by the monthly check."""
    rows = tuple(
        (
            p.upn,
            p.surname,
            p.forename,
            p.year_name,
            at.before(300),
            at.draw.one(("Eligible", "Eligible", "Protected", "Ended")),
        )
        for p in at.draw.pupils(at.day, at.school.years, at.draw.between(14, 70))
    )
    header = ("UPN", "Surname", "Forename", "Year", "From", "Status")
    counted = tuple((status, sum(row[5] == status for row in rows)) for status in ("Eligible", "Protected", "Ended"))
    return xlsx(
        f"Free school meals eligibility {at.day:%B %Y}",
        at.day,
        Sheet("Count", f"Free school meals, {at.school.name}", ("Status", "Pupils"), counted),
        Sheet("Pupils", "By pupil", header, rows),
    )


def attendance_profile(at: Occasion) -> Draft:
    """One pupil's attendance: a page for the meeting with the family."""
    return _profile(at, at.draw.pupil(at.day, at.school.years), at.draw)


def profile_of(at: Occasion, pupil: Pupil, number: int) -> Draft:
    """The same for a given pupil, numbered as in the school's register."""
    draft = _profile(at, pupil, at.draw)
    return Draft(f"{number:03} {draft.name}", draft.data)


def _profile(at: Occasion, pupil: Pupil, draw: Draw) -> Draft:
    marks = []
    for week in range(8):
        lost = draw.between(0, 6)
        late = draw.between(0, 3)
        marks.append((at.week_ending - timedelta(days=7 * (7 - week)), 10 - lost, lost, late))
    present = sum(row[1] for row in marks)
    blocks = (
        Fields(
            (
                ("Pupil", f"{pupil.name}, {pupil.year_name}"),
                ("UPN", pupil.upn),
                ("Attendance", f"{present * 100 / 80:.1f}% of sessions in eight weeks"),
            )
        ),
        table(("Week ending", "Present", "Absent", "Late"), (2, 1, 1, 1), marks),
        Paragraph(
            draw.one(
                (
                    (
                        "Most absence falls on a Monday. The family has asked for help with the journey; the transport"
                        " team has been told."
                    ),
                    (
                        "Absence follows hospital appointments. Please agree with the family which lessons can be"
                        " caught up, and how."
                    ),
                    (
                        "The pattern began after the change of tutor group. A meeting with the pupil before one with"
                        " the parents may tell why."
                    ),
                    (
                        "Two term-time holidays were not authorised. The code of conduct was explained; no notice is"
                        " proposed at present."
                    ),
                )
            )
        ),
        Paragraph("This page is for the meeting with the family. Give them a copy, and let them correct it."),
    )
    return pdf(f"Attendance profile – {pupil.name}", at.paper(f"Attendance profile: {pupil.name}", blocks, report=True))


def term_dates(at: Occasion) -> Draft:
    """The terms and holidays of the school year, and of the next."""
    blocks = (
        Paragraph(
            "These are the dates for community and voluntary controlled schools. Academies, foundation and voluntary"
            " aided schools set their own and are asked to keep to these, for the sake of families and of transport."
        ),
        *(
            block
            for year in (academic_year(at.day), academic_year(at.day) + 1)
            for block in (
                Heading(f"School year {year}-{(year + 1) % 100:02}"),
                table(("Term", "Begins", "Ends"), (2, 1, 1), _terms(year)),
            )
        ),
        Paragraph("Schools take five further days for training, of which one may be replaced by twilight sessions."),
    )
    return pdf(
        f"Term dates {academic_name(at.day)}", at.paper("School term and holiday dates", blocks, signatory=_SIGNED[0])
    )


def governor_training(at: Occasion) -> Draft:
    """The programme of courses for governors."""
    courses = (
        "Induction for new governors",
        "Reading the budget",
        "Safeguarding for the link governor",
        "Exclusion panels",
        "Clerking",
        "Data without fear",
    )
    rows = [
        (
            course,
            at.after(8, 100),
            at.draw.one(("6.00 pm", "6.30 pm", "9.30 am")),
            at.draw.one(("County Hall", "Online", "Ripley", "Buxton")),
            at.draw.between(2, 19),
        )
        for course in courses
    ]
    rows.sort(key=lambda row: row[1])
    blocks = (
        Paragraph(
            "Courses are free to schools in the governor support agreement. The clerk books, with the name of each"
            " governor."
        ),
        table(("Course", "Date", "Time", "Place", "Places left"), (2.4, 1.1, 0.8, 1.2, 0.9), rows),
        Paragraph(
            "Each new governor should come to the induction within two terms; the training link governor keeps the"
            " list."
        ),
    )
    paper = at.paper("Governors' training and induction", blocks, signatory=_SIGNED[2])
    return docx("Governors' training & induction programme", paper)


def census_pack(at: Occasion) -> Draft:
    """What the school needs for the census, in one archive: the guide, the check list and the figures."""

    def data() -> bytes:
        parts = (governor_briefing(at), attendance_data(at), free_meals(at))
        return zip_of([(part.name, part.data()) for part in parts], at.day)

    return Draft(f"Census & data pack {at.day:%B %Y}.zip", data)


def heads_bulletin(at: Occasion) -> Draft:
    """The bulletin for headteachers."""
    news = (
        (
            "Census",
            (
                "The census is taken on the third Thursday. Pupils who are dual registered are counted where they are"
                " taught that day."
            ),
        ),
        (
            "Admissions",
            "Late applications are put after all others. Please do not tell families that a place is likely.",
        ),
        (
            "School meals",
            "The price rises by ten pence. Allergen sheets must hang where pupils queue, not in the kitchen.",
        ),
        ("Winter", "Decide by seven and tell the radio, the portal and the transport team, in that order."),
        ("Music", "Instruments can be borrowed again. A brass teacher has two free afternoons in the Dales."),
        (
            "Data protection",
            "Three letters went to the wrong family this term, each by an e-mail address that filled itself in.",
        ),
        ("Recruitment", "Advertisements that name the hours in the first line draw twice as many applicants."),
    )
    blocks: list[Heading | Paragraph] = []
    for heading, text in at.draw.some(news, 4):
        blocks += [Heading(heading), Paragraph(text)]
    day = at.after(10, 20)
    meetings = table(
        ("Briefing", "Place", "Date"),
        (2, 3, 1.2),
        [
            (area, place, business_day(day + timedelta(days=number)))
            for number, (area, place) in enumerate(
                (
                    ("North", "Hasland Village Hall"),
                    ("Dales", "County Hall, Committee Room 1"),
                    ("South", "Swadlincote Library"),
                )
            )
        ],
    )
    paper = at.paper("Bulletin for headteachers", (*blocks, Heading("Briefings"), meetings), signatory=_SIGNED[0])
    return docx(f"Headteachers’ bulletin {at.day.day} {at.day:%B %Y}", paper)


def _terms(year: int) -> list[tuple[str, date, date]]:
    """The six half terms, by the county's habit: begins after the bank holiday, half terms in the last full week."""
    monday = timedelta(days=7)
    start = date(year, 9, 2)
    start += timedelta(days=max(0, 7 - start.weekday()) if start.weekday() > 3 else 0)
    october = date(year, 10, 31) - timedelta(days=date(year, 10, 31).weekday()) - monday
    january = business_day(date(year + 1, 1, 4))
    february = date(year + 1, 2, 21) - timedelta(days=date(year + 1, 2, 21).weekday()) - monday
    easter = date(year + 1, 4, 3) - timedelta(days=date(year + 1, 4, 3).weekday() - 4)
    whitsun = date(year + 1, 5, 31) - timedelta(days=date(year + 1, 5, 31).weekday())
    friday = timedelta(days=3)
    return [
        ("Autumn, first half", start, october - friday),
        ("Autumn, second half", october + monday, _friday_at_latest(date(year, 12, 18))),
        ("Spring, first half", january, february - friday),
        ("Spring, second half", february + monday, easter),
        ("Summer, first half", easter + timedelta(days=17), whitsun - friday),
        ("Summer, second half", whitsun + monday, _friday_at_latest(date(year + 1, 7, 22))),
    ]


def _friday_at_latest(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))


WRITERS: tuple[Writer, ...] = (
    budget_share,
    attendance_data,
    admissions_list,
    governor_briefing,
    free_meals,
    attendance_profile,
    census_pack,
)
CIRCULARS: tuple[Writer, ...] = (heads_bulletin,)
