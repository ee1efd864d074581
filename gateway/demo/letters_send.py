"""What SEND Assessment and Planning writes to schools: plans, reviews, panels, funding. Names are invented.

Called by the plan of documents. Each writer takes an `Occasion` and returns a `Draft`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from gateway.demo.draft import Draft, Occasion, Writer, csv, docx, pdf, xlsx
from gateway.demo.draw import academic_name, term
from gateway.demo.paper import Bullets, Fields, Heading, Paragraph, Sheet, long_date, short_date, table

_NEEDS = (
    "Autistic spectrum disorder",
    "Moderate learning difficulty",
    "Social, emotional and mental health",
    "Speech, language and communication",
    "Specific learning difficulty",
    "Hearing impairment",
    "Visual impairment",
    "Physical disability",
)
_STAGES = ("Invitations sent", "Advice requested", "Meeting booked", "Paperwork awaited", "Decision due", "Completed")
_OUTCOMES = (
    "Assessment agreed",
    "Assessment not agreed: see letter to parents",
    "Plan to be issued",
    "Plan maintained without amendment",
    "Amended plan to be issued",
    "Deferred: educational psychology advice awaited",
    "Top-up funding agreed at band 4",
    "Top-up funding agreed at band 6",
    "Specialist placement to be consulted on",
)
_SUPPORT = (
    "Individual speech and language programme, delivered daily for fifteen minutes by a trained adult",
    "A visual timetable and a now-and-next board, with notice of any change to the day",
    "Small-group teaching of reading for thirty minutes, four times a week",
    "A quiet place, agreed with the pupil, to go to when the classroom becomes too loud",
    "Movement breaks of five minutes in each hour, and a sloping desk",
    "A key adult who meets the pupil at the door and at the end of the day",
    "Pre-teaching of vocabulary before each new topic in science and humanities",
    "Access arrangements for assessments: a reader and 25% additional time",
)
_OFFICERS = ("Joanne Merrill, Senior SEND Officer", "Dilip Rao, SEND Officer", "Caitlín Walsh, SEND Officer")


def review_timetable(at: Occasion) -> Draft:
    """Which plans are to be reviewed this term, with the dates that the regulations give."""
    pupils = at.draw.pupils(at.day, at.school.years, at.draw.between(9, 30))
    rows = []
    for pupil in pupils:
        due = at.after(7, 95)
        rows.append(
            (pupil.name, pupil.year_name, at.draw.one(_NEEDS), due, due + timedelta(days=28), at.draw.one(_STAGES))
        )
    rows.sort(key=lambda row: row[3])
    blocks = (
        Paragraph(
            f"Please find below the pupils at {at.school.name} whose education, health and care plans fall to be"
            f" reviewed in the {term(at.day)} term. The authority must decide whether to maintain, amend or cease each"
            " plan within four weeks of the meeting, so the dates on the right cannot move."
        ),
        table(
            ("Pupil", "Year", "Primary need", "Meeting by", "Decision by", "Stage"), (2, 1.1, 2.3, 1.2, 1.2, 1.6), rows
        ),
        Heading("What we need from school"),
        Bullets(
            (
                "Advice from those who teach and support the pupil, circulated two weeks before the meeting",
                "The views of the pupil and of the parents, in their own words where possible",
                "The report of the meeting within two weeks of it, with recommended amendments marked",
            )
        ),
        Paragraph(f"If a date cannot be kept, tell your link officer before {long_date(at.after(5, 12))}."),
    )
    title = f"EHCP review timetable, {term(at.day)} term {academic_name(at.day)}"
    paper = at.paper(title, blocks, signatory=_signed(at))
    return pdf(f"EHCP review timetable {at.day:%B %Y}", paper)


def review_invitation(at: Occasion) -> Draft:
    """An invitation to the annual review of one pupil."""
    pupil = at.draw.pupil(at.day, at.school.years)
    meeting = at.after(16, 40)
    hour = at.draw.one(("9.15 am", "10.30 am", "1.15 pm", "2.00 pm", "3.45 pm"))
    blocks = (
        Fields(
            (
                ("Pupil", f"{pupil.name}, {pupil.year_name}"),
                ("Date of birth", short_date(pupil.born)),
                ("UPN", pupil.upn),
                ("Meeting", f"{long_date(meeting)}, {hour}, at {at.school.name}"),
            )
        ),
        Paragraph(
            f"I write to confirm that the plan of {pupil.forename} is due for its annual review. The meeting will look"
            " at the progress made towards the outcomes in section E, at whether the provision in section F is still"
            " right, and at what the family would wish for the coming year."
        ),
        Heading("Provision to be considered"),
        Bullets(at.draw.some(_SUPPORT, at.draw.between(3, 5))),
        Heading("Invited"),
        table(
            ("Name", "As", "Advice due"),
            (2, 3, 1.2),
            [
                (at.draw.staff(), role, meeting - timedelta(days=14))
                for role in (
                    "SENCO",
                    "Class teacher or tutor",
                    "Educational psychologist",
                    "Speech and language therapist",
                )
            ],
        ),
        Paragraph(
            "Parents have been written to separately. Please let them and the pupil know who else will be there, and"
            " offer an advocate or an interpreter where that helps."
        ),
    )
    paper = at.paper(f"Annual review of the plan of {pupil.name}", blocks, signatory=_signed(at))
    return docx(f"Annual review invitation – {pupil.name}", paper)


def panel_outcomes(at: Occasion) -> Draft:
    """The list of what the weekly panel decided."""
    pupils = at.draw.pupils(at.day, at.school.years, at.draw.between(6, 19))
    sat = at.before(9)
    rows = [(p.name, p.year_name, p.upn, at.draw.one(_OUTCOMES), at.after(10, 40)) for p in pupils]
    blocks = (
        Paragraph(
            f"The SEND panel met on {long_date(sat)} and considered the requests below for pupils of {at.school.short}."
            " Letters to parents go out within five working days; please do not tell families the outcome before then."
        ),
        table(("Pupil", "Year", "UPN", "Outcome", "Next step by"), (1.8, 1, 1.6, 3, 1.2), rows),
        Paragraph(
            "Where an assessment was not agreed, the family has a right of appeal and will be offered a way-forward"
            " meeting. Schools are asked to continue support from their own resources and to record its effect."
        ),
    )
    paper = at.paper(f"SEND panel outcomes, {long_date(sat)}", blocks, signatory=_signed(at))
    return pdf(f"SEND panel outcomes {sat.day} {sat:%B %Y}", paper)


def top_up_funding(at: Occasion) -> Draft:
    """The element 3 statement as a workbook: a summary and the pupils."""
    bands = {"Band 3": 2890, "Band 4": 4610, "Band 5": 6975, "Band 6": 9480}
    rows = []
    for pupil in at.draw.pupils(at.day, at.school.years, at.draw.between(8, 26)):
        band = at.draw.one(tuple(bands))
        annual = Decimal(bands[band])
        rows.append((pupil.name, pupil.upn, pupil.year_name, band, annual, (annual / 12).quantize(Decimal("0.01"))))
    total = sum((row[5] for row in rows), Decimal(0))
    summary = Sheet(
        "Summary",
        f"Element 3 top-up, {at.school.name}",
        ("Item", "Value"),
        (
            ("Period paid", f"{at.day:%B %Y}"),
            ("Pupils funded", len(rows)),
            ("Paid this period", total),
            ("Adjustment from the period before", at.draw.money(-900, 900)),
            ("Payment date", at.after(3, 9)),
        ),
    )
    header = ("Pupil", "UPN", "Year", "Band", "Annual value", "This period")
    detail = Sheet("Pupils", f"Pupils funded in {at.day:%B %Y}", header, tuple(rows))
    return xlsx(f"Top-up funding statement {at.day:%B %Y}", at.day, summary, detail)


def consultation(at: Occasion) -> Draft:
    """A consultation under section 38 or 39 on naming the school in a plan."""
    pupil = at.draw.pupil(at.day, at.school.years)
    reply = at.day + timedelta(days=15)
    blocks = (
        Paragraph(
            f"Derbyshire is preparing an education, health and care plan for {pupil.name} ({pupil.year_name}, UPN"
            f" {pupil.upn}). The family has asked that {at.school.name} be named in section I. Under the Children and"
            " Families Act 2014 I am consulting the governing body before a decision is made."
        ),
        Fields((("Primary need", at.draw.one(_NEEDS)), ("Reply by", long_date(reply)))),
        Heading("Provision set out in the draft"),
        Bullets(at.draw.some(_SUPPORT, at.draw.between(3, 6))),
        Heading("What we ask"),
        Paragraph(
            "Please say whether the school can make this provision, and what it would need in order to do so. If you"
            " think the placement unsuitable or incompatible with the education of others, say on what evidence and"
            " which reasonable steps were considered. The draft plan is enclosed; it may be shared only with those who"
            " must advise on the reply."
        ),
    )
    return docx(
        f"Consultation – {pupil.name}",
        at.paper(f"Consultation on a placement: {pupil.name}", blocks, signatory=_signed(at)),
    )


def psychology_visits(at: Occasion) -> Draft:
    """The allocation of an educational psychologist's time."""
    visits = sorted(at.after(4, 100) for _ in range(at.draw.between(4, 9)))
    work = ("Consultation with staff", "Statutory assessment", "Planning meeting", "Training for staff", "Observation")
    rows = [(day, at.draw.one(("Morning", "Afternoon", "Full day")), at.draw.one(work)) for day in visits]
    blocks = (
        Paragraph(
            f"Your allocation for the {term(at.day)} term is {at.draw.between(4, 12)} sessions. {at.draw.staff()}"
            " remains the school's link psychologist. Sessions that school cancels with less than five working days'"
            " notice cannot be given again."
        ),
        table(("Date", "Session", "Purpose"), (1, 1, 3), rows),
        Paragraph(
            "Please have parental consent, signed within the last three months, ready for each pupil to be seen."
        ),
    )
    paper = at.paper("Educational psychology: visits and time allocation", blocks, signatory=_signed(at))
    return pdf(f"Educational psychology visits & time allocation {term(at.day)}", paper)


def caseload(at: Occasion) -> Draft:
    """The caseload as data, to be checked against the school's own register."""
    header = ("UPN", "Surname", "Forename", "NC year", "Primary need", "Plan issued", "Last review", "Hours")
    rows = tuple(
        (
            p.upn,
            p.surname,
            p.forename,
            p.year,
            at.draw.one(_NEEDS),
            at.before(1400, 200),
            at.before(360, 20),
            at.draw.between(6, 32),
        )
        for p in at.draw.pupils(at.day, at.school.years, at.draw.between(18, 60))
    )
    return csv(f"EHCP caseload check {at.day:%Y-%m-%d}", Sheet("Caseload", "EHCP caseload", header, rows))


def local_offer(at: Occasion) -> Draft:
    """A circular to all schools about what changes in the county."""
    changes = (
        "Requests for assessment are made through the professional portal alone; forms by e-mail are returned",
        "The advice of schools may be up to four pages; longer advice was read less, not more",
        "Inclusion support meets schools in clusters, so that a question is answered once and heard by all",
        "Requests to bring a review forward need a reason and the views of the family",
        "Band descriptors have been rewritten with schools and apply to new requests",
    )
    blocks = (
        Paragraph(
            f"This is what changes for schools in the {term(at.day)} term. It follows the consultation to which"
            f" {at.draw.between(96, 260)} schools replied; thank you for the time that took."
        ),
        Bullets(at.draw.some(changes, 4)),
        Heading("Dates of the panel"),
        table(
            ("Papers by noon on", "Panel sits on", "Letters by"),
            (1, 1, 1),
            [
                (day, day + timedelta(days=7), day + timedelta(days=14))
                for day in sorted({at.after(3 + 14 * number, 6 + 14 * number) for number in range(5)})
            ],
        ),
    )
    return pdf(
        f"SEND bulletin for schools {at.day:%B %Y}",
        at.paper("SEND bulletin for schools", blocks, signatory=_signed(at)),
    )


def _signed(at: Occasion) -> tuple[str, ...]:
    name, _, office = at.draw.one(_OFFICERS).partition(", ")
    return name, office, "SEND Assessment and Planning"


WRITERS: tuple[Writer, ...] = (
    review_timetable,
    review_invitation,
    panel_outcomes,
    top_up_funding,
    consultation,
    psychology_visits,
    caseload,
)
CIRCULARS: tuple[Writer, ...] = (local_offer,)
