"""What Shared Services writes to schools: payroll, contracts, absence, checks. People and numbers are invented.

Called by the plan of documents. Each writer takes an `Occasion` and returns a `Draft`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from gateway.demo.draft import Draft, Occasion, Writer, csv, docx, pdf, xlsx
from gateway.demo.paper import Bullets, Fields, Heading, Paragraph, Sheet, long_date, pounds, table

_POSTS = (
    ("Teaching assistant", 5, 24_404),
    ("Senior midday supervisor", 4, 24_027),
    ("Higher level teaching assistant", 8, 27_711),
    ("School administrator", 6, 25_584),
    ("Caretaker", 5, 24_790),
    ("School business officer", 10, 34_314),
    ("Cook in charge", 6, 25_992),
    ("Learning mentor", 8, 28_624),
)
_VARIATIONS = (
    "Increase in hours",
    "Decrease in hours",
    "Starter",
    "Leaver",
    "Change of post",
    "Honorarium",
    "Overtime claim",
    "Teaching and learning responsibility",
    "Pension opt-in",
)
_ABSENCES = (
    "Cold, cough, influenza",
    "Back and neck",
    "Stomach, liver, kidney",
    "Stress and anxiety",
    "Operation and recovery",
    "Chest and respiratory",
    "Pregnancy related",
    "Hospital appointment",
)
_SIGNED = (
    ("Sharon Petrie", "HR Adviser, Schools"),
    ("Imran Chaudhry", "Payroll Team Leader"),
    ("Fiona McBride", "HR Business Partner"),
)


def payroll_variations(at: Occasion) -> Draft:
    """The month's variations as a workbook: changes, and what they do to the budget."""
    rows = tuple(
        (
            name,
            at.draw.employee_number(),
            at.draw.one(_POSTS)[0],
            at.draw.one(_VARIATIONS),
            at.before(40),
            at.draw.money(-420, 960),
        )
        for name in at.draw.staff_list(at.draw.between(6, max(8, at.school.staff // 3)))
    )
    header = ("Employee", "Number", "Post", "Variation", "With effect from", "Change in monthly gross")
    net = sum((row[5] for row in rows), Decimal(0))
    on_costs = (
        ("Change in gross pay", net),
        ("Employer’s National Insurance", (net * Decimal("0.15")).quantize(Decimal("0.01"))),
        ("Employer’s pension", (net * Decimal("0.214")).quantize(Decimal("0.01"))),
    )
    total = sum((value for _, value in on_costs), Decimal(0))
    return xlsx(
        f"Payroll variation report {at.day:%B %Y}",
        at.day,
        Sheet("Variations", f"Payroll variations, {at.school.name}, {at.day:%B %Y}", header, rows),
        Sheet("Effect on budget", "Effect on the monthly budget", ("Item", "Amount"), (*on_costs, ("Total", total))),
    )


def single_status(at: Occasion) -> Draft:
    """The outcome of a job evaluation under the single status agreement."""
    name, (post, grade, salary) = at.draw.staff(), at.draw.one(_POSTS)
    points = at.draw.between(248, 462)
    hours = at.draw.one((22, 25, 27, 30, 32, 37))
    pay = (Decimal(salary) * hours * Decimal("0.8668") / 37).quantize(Decimal("0.01"))
    blocks = (
        Fields(
            (
                ("Employee", f"{name}, number {at.draw.employee_number()}"),
                ("Post", f"{post}, {hours} hours, term time only"),
                ("Evaluation", f"{points} points, grade {grade}"),
                ("Effective from", long_date(at.before(60, 20))),
            )
        ),
        Paragraph(
            "Following the school's request the post above was evaluated under the Single Status scheme. The panel"
            f" scored it at {points} points, which places it in grade {grade}. The full-time salary at the first point"
            f" of the grade is {pounds(Decimal(salary))}; for the contracted hours and weeks this is {pounds(pay)} a"
            " year."
        ),
        Heading("How the points were reached"),
        table(
            ("Factor", "Level", "Points"),
            (3, 1, 1),
            [
                (factor, at.draw.between(1, 5), at.draw.between(13, 78))
                for factor in (
                    "Knowledge",
                    "Mental skills",
                    "Interpersonal skills",
                    "Physical demands",
                    "Responsibility for people",
                    "Responsibility for resources",
                )
            ],
        ),
        Heading("What happens now"),
        Bullets(
            (
                "Please give the enclosed statement to the employee, and keep the signed copy on the personal file",
                f"An appeal must reach us within ten working days, by {long_date(at.after(12, 16))}",
                "Any arrears are paid with the next salary and shown on a separate line of the payslip",
            )
        ),
    )
    paper = at.paper("Outcome of job evaluation: Single Status", blocks, signatory=_signed(at))
    return pdf(f"Single status letter – {name}", paper)


def absence_return(at: Occasion) -> Draft:
    """The week's absences as data, for the school to check and return."""
    header = ("Employee number", "Name", "Post", "First day", "Last day", "Days lost", "Reason", "Certificate")
    rows = []
    for name in at.draw.staff_list(at.draw.between(14, 14 + at.school.staff // 6)):
        first = at.before(24)
        lost = at.draw.between(1, 9)
        cover = at.draw.one(("Self", "Fit note", "Awaited"))
        rows.append(
            (
                at.draw.employee_number(),
                name,
                at.draw.one(_POSTS)[0],
                first,
                first + timedelta(days=lost - 1),
                lost,
                at.draw.one(_ABSENCES),
                cover,
            )
        )
    name = f"Sickness absence return week ending {at.week_ending.day} {at.week_ending:%B}"
    return csv(name, Sheet("Absence", "Sickness absence", header, tuple(rows)))


def checks_due(at: Occasion) -> Draft:
    """Which checks of the single central record run out."""
    rows = [
        (
            name,
            at.draw.one(_POSTS)[0],
            f"0016{at.draw.between(10_000_000, 99_999_999)}",
            at.before(1400, 900),
            at.after(6, 80),
        )
        for name in at.draw.staff_list(at.draw.between(5, 16))
    ]
    blocks = (
        Paragraph(
            "The disclosures below reach the age at which the authority asks for a fresh one. Please see that each"
            " application is begun before the date on the right, and that nobody new starts without the checks of part"
            " three of Keeping Children Safe in Education."
        ),
        table(("Name", "Post", "Certificate", "Issued", "Begin before"), (2, 2, 1.6, 1.2, 1.2), rows),
        Paragraph(
            "If someone has left, tell us the leaving date on form SSC 14, so that the record and payroll agree."
            " Certificates themselves are not to be copied or kept for more than six months."
        ),
    )
    paper = at.paper("Disclosure checks falling due", blocks, signatory=_signed(at))
    return pdf(f"DBS renewals & single central record {at.day:%B %Y}", paper)


def contract_change(at: Occasion) -> Draft:
    """A variation of one contract, for signature."""
    name, (post, grade, salary) = at.draw.staff(), at.draw.one(_POSTS)
    old, new = at.draw.some((15, 20, 22, 25, 27, 30, 32, 37), 2)
    blocks = (
        Fields((("Employee", name), ("Post", f"{post}, grade {grade}"), ("Number", at.draw.employee_number()))),
        Paragraph(
            f"This confirms that from {long_date(at.after(8, 35))} the contracted hours change from {old} to {new} a"
            " week, on the same grade and at the same point. The full-time equivalent salary remains"
            f" {pounds(Decimal(salary))}. All other terms are unchanged, and service is continuous."
        ),
        table(
            ("Week", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
            (1.4, 1, 1, 1, 1, 1),
            [(f"Hours, now {new}", *(f"{new / 5:.1f}" for _ in range(5)))],
        ),
        Paragraph(
            "Please ask the employee to sign both copies. One is for the employee; the other comes back to Shared"
            " Services within ten working days, after which the change is entered for payroll."
        ),
    )
    return docx(
        f"Contract variation – {name}", at.paper("Variation of contract of employment", blocks, signatory=_signed(at))
    )


def leave_notice(at: Occasion) -> Draft:
    """Maternity or paternity dates and pay of one employee."""
    name = at.draw.staff()
    due = at.after(70, 150)
    start = due - timedelta(days=at.draw.between(10, 40))
    full = at.draw.money(1480, 2760)
    phases = (
        ("Weeks 1 to 4", "Full pay", full),
        ("Weeks 5 and 6", "Nine tenths", (full * Decimal("0.9")).quantize(Decimal("0.01"))),
        ("Weeks 7 to 18", "Half pay and statutory pay", (full / 2 + Decimal("812.46")).quantize(Decimal("0.01"))),
        ("Weeks 19 to 39", "Statutory pay", Decimal("812.46")),
    )
    blocks = (
        Paragraph(
            f"{name} has given notice of maternity leave. The expected week of childbirth begins on {long_date(due)},"
            f" and leave begins on {long_date(start)}. Monthly pay will be as follows, before deductions."
        ),
        table(("Period", "Basis", "Monthly pay"), (1.5, 2.5, 1.2), phases),
        Paragraph(
            "Up to ten keeping-in-touch days may be agreed and are paid at the contractual rate. A risk assessment for"
            " expectant mothers must be done now and looked at again each month."
        ),
    )
    return docx(f"Maternity leave & pay – {name}", at.paper("Maternity leave and pay", blocks, signatory=_signed(at)))


def pay_circular(at: Occasion) -> Draft:
    """A circular to all schools: closing dates of payroll, and what is new."""
    months = [at.after(6 + 30 * number, 9 + 30 * number) for number in range(4)]
    news = (
        "Mileage claims older than three months are no longer paid without the headteacher's note of the reason",
        "Payslips are kept online for seven years; leavers may ask for theirs by post",
        "Term-time staff who joined after 1 September are paid in equal parts from their first full month",
        "The allowance for first aiders rises with the pay award and is backdated",
        "Casual claims need the name of the absent colleague, so that absence and cover can be matched",
    )
    blocks = (
        Paragraph("Changes that reach us after these dates are paid a month later. Please plan with them."),
        table(
            ("Month", "Variations by", "Claims by", "Pay day"),
            (1.4, 1, 1, 1),
            [(f"{day:%B %Y}", day, day + timedelta(days=2), day + timedelta(days=16)) for day in months],
        ),
        Heading("Please note"),
        Bullets(at.draw.some(news, 3)),
    )
    return pdf(
        f"Payroll closing dates & news {at.day:%B %Y}",
        at.paper("Payroll: closing dates and news", blocks, signatory=_signed(at)),
    )


def _signed(at: Occasion) -> tuple[str, ...]:
    return (*at.draw.one(_SIGNED), "Shared Services Centre")


WRITERS: tuple[Writer, ...] = (
    payroll_variations,
    single_status,
    absence_return,
    checks_due,
    contract_change,
    leave_notice,
)
CIRCULARS: tuple[Writer, ...] = (pay_circular,)
