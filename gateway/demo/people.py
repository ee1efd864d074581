"""The people and schools of the demo, as data: whom `ladocs demo` brings to life.

Called by the plan of documents and by the build. All names, addresses and numbers are invented. Frozen; thread-safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.principal import AccountState, Kind, Layout, StaffRole

SEND = "SEND"
GENERAL = "General"
HR = "Shared Services HR"
EHSG = "EHSG Report Confidential"
CATEGORIES = (EHSG, GENERAL, SEND, HR)

WRENMOOR, ALDREDA, LARKDALE = "830-2001", "830-3417", "830-4188"


@dataclass(frozen=True, kw_only=True, slots=True)
class StorySchool:
    """A school of the demo. `years` are its first and last year group, `pupils` its number on roll."""

    dfe: str
    urn: str
    name: str
    short: str
    head: str
    pupils: int
    staff: int
    years: tuple[int, int]
    address: tuple[str, ...]

    @property
    def addressee(self) -> tuple[str, ...]:
        """The lines of a letter's address."""
        return (f"{self.head}, Headteacher", self.name, *self.address)


SCHOOLS: Mapping[str, StorySchool] = {
    school.dfe: school
    for school in (
        StorySchool(
            dfe=WRENMOOR,
            urn="612501",
            name="Wrenmoor Primary School",
            short="Wrenmoor",
            head="Mrs Margaret Ashworth",
            pupils=212,
            staff=31,
            years=(0, 6),
            address=("Quarry Bank", "Wrenmoor", "Matlock DE4 9WM"),
        ),
        StorySchool(
            dfe=ALDREDA,
            urn="612733",
            name="St Aldreda's & Holy Cross CofE Primary School",
            short="St Aldreda’s",
            head="Ms Siobhán O’Connell",
            pupils=164,
            staff=24,
            years=(0, 6),
            address=("Church Walk", "Nether Thornby", "Bakewell DE45 9AL"),
        ),
        StorySchool(
            dfe=LARKDALE,
            urn="612988",
            name="Larkdale Community School",
            short="Larkdale",
            head="Dr Kwame Osei",
            pupils=1436,
            staff=158,
            years=(7, 13),
            address=("Larkdale Lane", "Hucklow Bridge", "Chesterfield S49 9LD"),
        ),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryPerson:
    """An account of the demo. `role` is held in each school of `grants`; a headteacher needs no categories there."""

    username: str
    name: str
    role: str
    email: str | None = None
    grants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kind: Kind = Kind.PERSON
    layout: Layout = Layout.SINGLE
    state: AccountState = AccountState.ACTIVE
    staff_roles: tuple[StaffRole, ...] = ()
    networks: tuple[str, ...] = ()
    owner: str | None = None
    about: str = ""


HEADTEACHER, SENCO, BUSINESS_MANAGER = "Headteacher", "SENCO", "Business manager"
OFFICE, GOVERNOR, DSL, SERVICE, OFFICER = "Office", "Governor", "DSL", "Service account", "officer"
WRENMOOR_MAIL, _ALDREDA_MAIL, _LARKDALE_MAIL = (
    "wrenmoor-primary.derbyshire.sch.uk",
    "st-aldredas.derbyshire.sch.uk",
    "larkdale-community.derbyshire.sch.uk",
)
_COUNCIL_MAIL = "derbyshire-council.example"

PEOPLE: tuple[StoryPerson, ...] = (
    StoryPerson(
        username="m.ashworth",
        name="Margaret Ashworth",
        role=HEADTEACHER,
        email=f"m.ashworth@{WRENMOOR_MAIL}",
        grants={WRENMOOR: ()},
        about="headteacher: every category of the own school",
    ),
    StoryPerson(
        username="s.oconnell",
        name="Siobhán O’Connell",
        role=HEADTEACHER,
        email=f"s.oconnell@{_ALDREDA_MAIL}",
        grants={ALDREDA: ()},
        about="headteacher of a school whose name is hard to carry",
    ),
    StoryPerson(
        username="k.osei",
        name="Kwame Osei",
        role=HEADTEACHER,
        email=f"k.osei@{_LARKDALE_MAIL}",
        grants={LARKDALE: ()},
        about="headteacher: has the folder of 300 files",
    ),
    StoryPerson(
        username="p.raman",
        name="Priya Raman",
        role=SENCO,
        email=f"p.raman@{WRENMOOR_MAIL}",
        grants={WRENMOOR: (SEND,)},
        about="SENCO: SEND alone",
    ),
    StoryPerson(
        username="l.fearn",
        name="Lucy Fearn",
        role=SENCO,
        email=f"l.fearn@{_LARKDALE_MAIL}",
        grants={LARKDALE: (SEND, GENERAL)},
        about="SENCO of the secondary school",
    ),
    StoryPerson(
        username="g.prys-jones",
        name="Gareth Prys-Jones",
        role=BUSINESS_MANAGER,
        email=f"g.prys-jones@{WRENMOOR_MAIL}",
        grants={WRENMOOR: (GENERAL, HR), ALDREDA: (HR,)},
        layout=Layout.BY_SCHOOL,
        about="one person with two schools: a folder for each",
    ),
    StoryPerson(
        username="d.holroyd",
        name="Dawn Holroyd",
        role=BUSINESS_MANAGER,
        email=f"d.holroyd@{_LARKDALE_MAIL}",
        grants={LARKDALE: (EHSG, GENERAL, HR)},
        about="business manager: all but SEND",
    ),
    StoryPerson(
        username="t.shimwell",
        name="Tracey Shimwell",
        role=OFFICE,
        email=f"t.shimwell@{WRENMOOR_MAIL}",
        grants={WRENMOOR: (GENERAL,)},
        about="school office: General alone",
    ),
    StoryPerson(
        username="h.moreau",
        name="Hélène Moreau",
        role=DSL,
        email=f"h.moreau@{_ALDREDA_MAIL}",
        grants={ALDREDA: (SEND, GENERAL)},
        about="designated safeguarding lead: SEND and General",
    ),
    StoryPerson(
        username="r.unwin",
        name="Rosalind Unwin",
        role=GOVERNOR,
        email=f"r.unwin@{_LARKDALE_MAIL}",
        grants={LARKDALE: (GENERAL,)},
        about="chair of governors",
    ),
    StoryPerson(
        username="n.greaves",
        name="Nathan Greaves",
        role=OFFICE,
        email=f"n.greaves@{WRENMOOR_MAIL}",
        grants={WRENMOOR: ()},
        about="no category granted yet: an empty drive that says so",
    ),
    StoryPerson(
        username="j.tyndale",
        name="Jodie Tyndale",
        role=OFFICE,
        email=f"j.tyndale@{_LARKDALE_MAIL}",
        grants={LARKDALE: (GENERAL, HR)},
        state=AccountState.LEFT,
        about="a leaver: what she still has on her disk opens nothing",
    ),
    StoryPerson(
        username="nightly-copy",
        name="Nightly copy to the trust's file server",
        role=SERVICE,
        grants={ALDREDA: (GENERAL, HR), LARKDALE: CATEGORIES},
        kind=Kind.SERVICE,
        layout=Layout.BY_SCHOOL,
        networks=("127.0.0.0/8",),
        owner="d.holroyd",
        about="a script for two schools, from this machine alone",
    ),
    StoryPerson(
        username="h.calladine",
        name="Helen Calladine",
        role=OFFICER,
        email=f"helen.calladine@{_COUNCIL_MAIL}",
        staff_roles=(StaffRole.ADMINISTRATOR, StaffRole.OFFICER),
        about="officer and administrator: sends, and reads no document",
    ),
    StoryPerson(
        username="t.okafor",
        name="Tobias Okafor",
        role=OFFICER,
        email=f"tobias.okafor@{_COUNCIL_MAIL}",
        staff_roles=(StaffRole.OFFICER,),
        about="the second officer",
    ),
)
