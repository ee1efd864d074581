"""What the Education Health and Safety Group writes to schools: audits, fire, accidents, water, asbestos, plans.

Called by the plan of documents. Each writer takes an `Occasion` and returns a `Draft`.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

from gateway.demo.archive import zip_of
from gateway.demo.draft import Draft, Occasion, Writer, csv, docx, pdf, xlsx
from gateway.demo.paper import Bullets, Fields, Heading, Paper, Paragraph, Picture, Sheet, long_date, table
from gateway.demo.picture import png_of, scanned_plan

_SCAN = (3472, 2460)
_PLANS = ("Ground floor", "First floor", "Hall & kitchen", "Boiler house", "Roof", "Drains", "Site & boundary")
_FINDINGS = (
    ("Final exit in the hall obstructed by stacked chairs", "High"),
    ("Fire doors to the corridor held open with wedges", "High"),
    ("Weekly test of the alarm not entered in the log book since half term", "Medium"),
    ("Portable appliances brought in by staff not tested", "Low"),
    ("Ladder register out of date; two step ladders without a number", "Medium"),
    ("Hot water above 44 °C at the basins of the infant toilets", "High"),
    ("Risk assessment for lone working not signed by the site manager", "Low"),
    ("Chemicals in the cleaner’s store not under lock", "High"),
    ("Surface of the play area uneven beside the climbing frame", "Medium"),
    ("Emergency lighting on the rear stair failed its monthly test", "High"),
    ("First aid boxes in the minibus without eye wash", "Low"),
    ("Asbestos register not shown to the contractor before work began", "High"),
    ("Kiln room used for storage of paper", "Medium"),
    ("No record that the gas interlock in the food room was serviced", "Medium"),
)
_ROOMS = (
    "Hall",
    "Kitchen",
    "Boiler house",
    "Library",
    "Staff room",
    "Science 2",
    "Reception class",
    "Caretaker’s store",
)
_INJURIES = (
    "Bump to head",
    "Graze",
    "Cut",
    "Sprain",
    "Nose bleed",
    "Trapped finger",
    "Scald",
    "Bruise",
    "Broken tooth",
)
_PLACES = ("Playground", "Hall", "Classroom", "Stairs", "Field", "Corridor", "Dining room", "Changing room")
_ADVISERS = ("Graham Tunnicliffe", "Shabana Mirza", "Peter Lowndes")


def audit_report(at: Occasion) -> Draft:
    """The report of an audit, with what is to be done by when."""
    found = at.draw.some(_FINDINGS, at.draw.between(5, 9))
    days = {"High": (5, 14), "Medium": (20, 45), "Low": (50, 80)}
    rows = [
        (number, finding, risk, at.draw.one(("Headteacher", "Site manager", "Business manager")), at.after(*days[risk]))
        for number, (finding, risk) in enumerate(found, 1)
    ]
    scores = [
        (area, at.draw.between(58, 100), at.draw.between(55, 97))
        for area in ("Management", "Fire", "Premises", "Curriculum", "Contractors", "First aid", "Security")
    ]
    blocks = (
        Fields(
            (
                ("School", f"{at.school.name}, {at.school.dfe}"),
                ("Visited", long_date(at.before(21, 7))),
                ("Adviser", at.draw.one(_ADVISERS)),
                ("Seen", f"{at.school.head} and {at.draw.staff()}"),
            )
        ),
        Paragraph(
            "The audit looked at records, at the buildings and at practice in lessons and at breaks. Staff were open"
            " and helpful, and pupils spoke sensibly about what to do in an emergency. The score in each area stands"
            " beside that of the last audit."
        ),
        table(("Area", "This audit, %", "Last audit, %"), (3, 1, 1), scores),
        Heading("Actions"),
        table(("No.", "Finding", "Risk", "For", "By"), (0.5, 4, 0.8, 1.4, 1.1), rows),
        Heading("How to close an action"),
        Paragraph(
            "Enter what was done and when, and attach a photograph where one helps. The group looks at high risks"
            " within a week of their date and telephones if they are still open. This report names weaknesses of the"
            " site: please share it only with those who act on it and with governors."
        ),
    )
    return pdf(f"EHSG audit report {at.day:%B %Y}", at.paper("Health and safety audit", blocks, report=True))


def fire_summary(at: Occasion) -> Draft:
    """A summary of the fire risk assessment."""
    areas = at.draw.some(_ROOMS, at.draw.between(5, 8))
    rows = [
        (room, at.draw.one(("Tolerable", "Moderate", "Substantial")), at.draw.one(_FINDINGS)[0], at.after(7, 60))
        for room in areas
    ]
    drills = [
        (at.before(330, 20), f"{at.draw.between(2, 4)} min {at.draw.between(2, 58):02} s", at.school.pupils)
        for _ in range(3)
    ]
    drills.sort()
    blocks = (
        Paragraph(
            f"This summarises the fire risk assessment of {at.school.name} for staff and governors. The full assessment"
            " is kept in the log book at reception, where the fire and rescue service will ask for it."
        ),
        table(("Area", "Risk", "Finding", "By"), (1.3, 1, 3.4, 1), rows),
        Heading("Evacuation drills"),
        table(("Date", "Cleared in", "Persons"), (1, 1, 1), drills),
        Bullets(
            (
                "Everyone who works late must know how to call the fire service: the alarm is not monitored after 6 pm",
                "Personal evacuation plans are to be looked at each term and when a pupil moves class",
                "Lettings: the hirer’s responsible person signs for the procedure before the first evening",
            )
        ),
    )
    paper = at.paper("Fire risk assessment: summary", blocks, report=True)
    return pdf(f"Fire risk summary {at.school.short} {at.day:%B %Y}", paper)


def accident_summary(at: Occasion) -> Draft:
    """The accidents of a period as a workbook."""
    rows = tuple(
        sorted(
            (
                (
                    at.before(90),
                    at.draw.one(("Pupil", "Pupil", "Pupil", "Employee", "Visitor")),
                    at.draw.one(_PLACES),
                    at.draw.one(_INJURIES),
                    at.draw.one(("No", "No", "No", "Yes")),
                )
                for _ in range(at.draw.between(12, 60))
            ),
            key=lambda row: row[0],
        )
    )
    counted = tuple((place, sum(row[2] == place for row in rows)) for place in _PLACES)
    header = ("Date", "Person", "Place", "Injury", "Reported under RIDDOR")
    return xlsx(
        f"Accident & incident summary {at.day:%B %Y}",
        at.day,
        Sheet("By place", f"Accidents by place, {at.school.name}", ("Place", "Accidents"), counted),
        Sheet("Entries", "Entries of the last three months", header, rows),
    )


def water_log(at: Occasion) -> Draft:
    """Temperatures of the water, taken by the contractor, as data."""
    rows = tuple(
        (
            at.week_ending - timedelta(days=7 * week),
            room,
            outlet,
            f"{at.draw.between(61, 78) / 10 + 8:.1f}",
            f"{at.draw.between(412, 603) / 10:.1f}",
            at.draw.one(("OK", "OK", "OK", "OK", "Flush & retest")),
        )
        for week in range(at.draw.between(3, 8))
        for room in at.draw.some(_ROOMS, 4)
        for outlet in ("Basin", "Sink")
    )
    header = ("Week ending", "Room", "Outlet", "Cold after 2 min, C", "Hot after 1 min, C", "Result")
    return csv(f"Legionella temperature log {at.day:%Y-%m-%d}", Sheet("Water", "Water temperatures", header, rows))


def asbestos(at: Occasion) -> Draft:
    """The yearly reinspection of what contains asbestos."""
    materials = (
        "Floor tiles",
        "Insulating board panel",
        "Cement soffit",
        "Textured coating",
        "Pipe lagging, sealed",
        "Toilet cistern",
    )
    rows = [
        (
            f"{at.school.dfe[-4:]}/{number:02}",
            at.draw.one(_ROOMS),
            at.draw.one(materials),
            at.draw.one(("Good", "Good", "Fair", "Damaged")),
            at.draw.between(2, 9),
        )
        for number in range(1, at.draw.between(6, 13))
    ]
    blocks = (
        Paragraph(
            f"The materials recorded in the register were looked at on {long_date(at.before(30, 6))}. Nothing in the"
            " school gives off fibres in normal use. Whatever is marked as damaged is to be left alone and taped off"
            " until the contractor has been."
        ),
        table(("Item", "Room", "Material", "Condition", "Score"), (1, 1.6, 2.2, 1.2, 0.8), rows),
        Paragraph(
            "Anybody who is to drill, cut or lift must be shown the register first and sign for it. This includes staff"
            " who put up shelves, and the people who bring new whiteboards."
        ),
    )
    paper = at.paper("Asbestos: reinspection of the register", blocks, signatory=_signed(at))
    return docx(f"Asbestos reinspection {at.day:%B %Y}", paper)


def visits(at: Occasion) -> Draft:
    """Which educational visits were approved."""
    places = (
        "Chatsworth farmyard",
        "Castleton caves",
        "Crich Tramway Village",
        "Carsington Water, sailing",
        "Edale, two nights",
        "Eyam",
        "National Space Centre",
        "Buxton Opera House",
    )
    rows = [
        (
            place,
            at.after(6, 90),
            at.draw.between(18, 64),
            at.draw.staff(),
            at.draw.one(("Approved", "Approved", "More asked", "Approved with note")),
        )
        for place in at.draw.some(places, at.draw.between(3, 7))
    ]
    rows.sort(key=lambda row: row[1])
    blocks = (
        Paragraph("The visits below were put forward on the approval system. Leaders must carry the emergency card."),
        table(("Visit", "Date", "Pupils", "Leader", "Decision"), (2, 1.1, 0.7, 1.8, 1.4), rows),
        Paragraph(
            "Overnight stays and adventurous activities need eight weeks; others need ten working days. Where more was"
            " asked, the visit may not go ahead until the answer has been accepted."
        ),
    )
    paper = at.paper("Educational visits: decisions", blocks, signatory=_signed(at))
    return pdf(f"Educational visits decisions {at.day.day} {at.day:%B}", paper)


def kitchen_inspection(at: Occasion) -> Draft:
    """The inspection of a kitchen, and of the café that pupils run."""
    checks = (
        "Hand washing",
        "Fridges below 5 °C",
        "Probe thermometer",
        "Allergen sheets",
        "Cleaning schedule",
        "Pest control",
        "Gas interlock",
        "Fryer",
    )
    rows = [
        (check, at.draw.one(("Met", "Met", "Partly met", "Not met")), at.draw.one(_ADVISERS), at.after(5, 40))
        for check in checks
    ]
    blocks = (
        Paragraph(
            "The kitchen was seen during service, and the pupils’ café at break. Crêpes and purées for the younger"
            " children are labelled well. Where a check was met in part, the cook in charge knows what is missing."
        ),
        table(("Check", "Result", "Seen by", "Put right by"), (2, 1, 1.5, 1.1), rows),
        Paragraph("The rating on the door is that of the district council and is not changed by this visit."),
    )
    name = at.school.short.replace("’", "'")
    return pdf(
        f"Kitchen & café inspection – {name}", at.paper("Kitchen and café: inspection", blocks, signatory=_signed(at))
    )


def safety_circular(at: Occasion) -> Draft:
    """A safety notice to all schools."""
    subjects = (
        ("Storage heaters in temporary classrooms", "Three units of one make have overheated this year."),
        ("Lithium batteries of scooters and bicycles", "A battery on charge caught fire in a school corridor."),
        ("Folding tables with benches", "The locking bar can shear and let the table close."),
        ("Blind cords and loops", "Older blinds were found without a cleat in eleven schools."),
        ("Trees after the storms", "A limb fell on a path ten minutes before the end of the school day."),
    )
    subject, cause = at.draw.one(subjects)
    blocks = (
        Paragraph(f"{cause} Nobody was badly hurt. Every school is asked to act on this notice."),
        Heading("Do this now"),
        Bullets(
            (
                f"Find out by {long_date(at.after(3, 8))} whether the school has any, and where",
                "Take what is affected out of use, label it, and keep it where pupils cannot reach it",
                "Answer on the form with the number found, also when it is none",
            )
        ),
        table(
            ("Area of the county", "Schools asked", "Answered last time"),
            (2, 1, 1),
            [
                (area, asked, asked - at.draw.between(0, 9))
                for area, asked in (
                    ("High Peak", 71),
                    ("Chesterfield", 64),
                    ("Amber Valley", 78),
                    ("Erewash", 62),
                    ("South Derbyshire", 58),
                    ("Dales", 97),
                )
            ],
        ),
    )
    paper = at.paper(f"Safety notice: {subject}", blocks, signatory=_signed(at))
    return pdf(f"Safety notice {at.day:%Y-%m} {subject}", paper)


def photographed_assessment(at: Occasion) -> Draft:
    """A fire risk assessment with the scanned plans in it: a PDF of about six megabytes."""

    def data() -> bytes:
        from gateway.demo.typeset import pdf_of

        return pdf_of(_with_plans(at, seed))

    seed = at.draw.between(0, 1 << 30)
    return Draft(f"Fire risk assessment with plans – {at.school.short}.pdf", data)


def scanned_plans(at: Occasion) -> Draft:
    """The archive of a school's plans, scanned at 300 dots an inch: about sixty megabytes of ZIP."""
    seed = at.draw.between(0, 1 << 30)

    def data() -> bytes:
        random = Random(seed)
        sheets = [
            (f"{number:02} {title}.png", png_of(scanned_plan(random, _SCAN), _SCAN))
            for number, title in enumerate(_PLANS, 1)
        ]
        notes = "\r\n".join(f"{name[:-4]}: scanned at 300 dpi, scale 1:100" for name, _ in sheets)
        return zip_of([*sheets, ("Read me first.txt", notes.encode("utf-8-sig"))], at.day, compress=False)

    return Draft(f"Site & asbestos plans – {at.school.short}.zip", data)


def _with_plans(at: Occasion, seed: int) -> Paper:
    random = Random(seed)
    size = (1800, 1272)
    pictures = tuple(
        Picture(bytes(scanned_plan(random, size)), size, f"Plan {number}: {title}, as scanned. Scale 1:200.")
        for number, title in enumerate(_PLANS[:4], 1)
    )
    opening = (
        Paragraph(
            f"This assessment covers all buildings of {at.school.name}. The plans that follow show exits, call points"
            " and the doors that must close by themselves. Compare them with the building before each term, and mark"
            " changes."
        ),
        Fields((("Assessed by", at.draw.one(_ADVISERS)), ("Next due", long_date(at.after(330, 370))))),
    )
    return at.paper("Fire risk assessment with plans", (*opening, *pictures), report=True)


def _signed(at: Occasion) -> tuple[str, ...]:
    return at.draw.one(_ADVISERS), "Health and Safety Adviser", "Education Health and Safety Group"


WRITERS: tuple[Writer, ...] = (audit_report, fire_summary, accident_summary, water_log, asbestos, visits)
CIRCULARS: tuple[Writer, ...] = (safety_circular,)
