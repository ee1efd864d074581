"""Letters for some eyes only: each names an audience, or keeps the headteacher out for a recorded reason [R5].

Called by the plan of documents. People and cases are invented.
"""

from __future__ import annotations

from gateway.demo.draft import Draft, Occasion, docx, pdf
from gateway.demo.paper import Bullets, Fields, Heading, Paragraph, long_date, table

_DESIGNATED_OFFICER = ("Yvonne Garside", "Local Authority Designated Officer", "Children’s Services")


def strategy_meeting(at: Occasion) -> Draft:
    """An allegation against the head of a school: for the designated safeguarding lead, not for the headteacher."""
    meeting = at.after(1, 5)
    blocks = (
        Fields(
            (("Meeting", f"{long_date(meeting)}, 10.00 am, by video"), ("Case", f"LADO {at.draw.between(1000, 4000)}"))
        ),
        Paragraph(
            "A concern has been raised about the conduct of the headteacher, under part four of Keeping Children Safe"
            " in Education. You are asked to attend as designated safeguarding lead, with the chair of governors."
            " Please do not speak of it in school: neither the headteacher nor any member of staff has been told."
        ),
        Heading("Please bring"),
        Bullets(
            (
                "The low-level concerns log of the last two years",
                "The timetable of the day in question and the names of the adults present",
                "Training records of the headteacher, and the staff code of conduct",
            )
        ),
    )
    paper = at.paper("Strategy meeting: confidential", blocks, signatory=_DESIGNATED_OFFICER)
    return docx("Strategy meeting – DSL only", paper)


def appraisal(at: Occasion) -> Draft:
    """The headteachers' pay ranges: for headteachers alone."""
    ranges = (
        ("Group 1", 56_316, 74_926),
        ("Group 2", 59_167, 80_634),
        ("Group 3", 63_815, 86_783),
        ("Group 6", 80_655, 113_624),
    )
    blocks = (
        Paragraph(
            "Governing bodies set your range by the size of the school. The table shows the ranges in force from"
            " September. Your own appraisal is to be concluded by 31 December, with an external adviser present."
        ),
        table(("School group", "From, £ a year", "To, £ a year"), (2, 1, 1), ranges),
    )
    paper = at.paper(
        "Headteachers’ pay ranges and appraisal", blocks, signatory=("Fiona McBride", "HR Business Partner")
    )
    return docx("Headteachers’ pay ranges & appraisal", paper)


def complaint_papers(at: Occasion) -> Draft:
    """The papers of a complaints panel: for governors."""
    steps = (
        "Complaint received",
        "Answer of the class teacher",
        "Answer of the headteacher",
        "Request for a panel",
        "Papers sent",
    )
    days = sorted(at.before(80, 2) for _ in steps)
    blocks = (
        Paragraph(
            f"The panel of three governors hears a complaint at stage three on {long_date(at.after(8, 20))}. None of"
            " them may have known of it before. These papers are numbered and are given back at the end of the hearing."
        ),
        table(("Step", "Date"), (3, 1), list(zip(steps, days, strict=True))),
        Paragraph(
            "The panel may dismiss the complaint, uphold it in part or whole, and recommend a change of procedure."
        ),
    )
    paper = at.paper("Complaints panel: papers", blocks, signatory=("Judith Clamp", "Governor Support Manager"))
    return pdf("Complaints panel papers – governors only", paper)


def settlement(at: Occasion) -> Draft:
    """A draft agreement for one named colleague."""
    blocks = (
        Paragraph(
            "Enclosed are the heads of terms, without prejudice and subject to contract. They are sent to you by name,"
            " as you act for both schools in this matter. Please telephone before you write."
        ),
        table(
            ("Item", "Basis", "Amount"),
            (2, 2, 1),
            [
                (item, basis, at.draw.money(600, 9000))
                for item, basis in (("Notice", "12 weeks"), ("Holiday", "Accrued"), ("Payment", "Ex gratia"))
            ],
        ),
    )
    paper = at.paper("Heads of terms", blocks, signatory=("Fiona McBride", "HR Business Partner"))
    return docx("Heads of terms – for G. Prys-Jones", paper)
