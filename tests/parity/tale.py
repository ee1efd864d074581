"""The story of a person's tree, told once for both protocols, and what the rules say that it should show.

`tell` does the same acts in the same order on whichever drive it is given. `rows_of` is what the record kept of them,
without what may differ: session, client, protocol and time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, join

from auth.principal import Door, Kind
from policy.audit.events import Event, EventKind
from tests.support.county import County
from tests.support.drives import Absent, Drive, Forbidden, Node
from tests.support.story import ABOUT, CLIFF, Person, folder_of

SLICES = ((0, 1), (65_535, 2), (1000, 100_000), (10_000_000, 5))
ACTS = ("create", "delete", "make folder", "rename", "set attributes")
_SAME_ACT = {
    "open for writing": "PUT",
    "remove": "DELETE",
    "mkdir": "MKCOL",
    "rename": "MOVE",
    "setstat": "PROPPATCH",
}


@dataclass(frozen=True)
class Told:
    """What the drive showed and answered, by path (and act)."""

    nodes: dict[str, Node]
    stats: dict[str, Node]
    contents: dict[str, bytes]
    slices: dict[tuple[int, int], bytes]
    absences: dict[str, list[str]]
    refusals: dict[str, str]


@dataclass(frozen=True, order=True)
class Row:
    """A line of the record: how often, and which ranges of bytes."""

    event: str
    actor: int | None
    school: int | None
    object: str
    reference: str
    result: str
    reason: str
    count: int
    ranges: tuple[tuple[int, int], ...]


def tell(county: County, person: Person, drive: Drive) -> Told:
    """The whole story."""
    nodes = dict(_walk(drive, "/", drive.stat("/")))
    read = {path: drive.read(path) for path in _to_read(nodes)}
    for path, letter in county.visible(person).items():
        if path in read and read[path] == letter.data:
            county.received(person, drive.door, letter)
    longest = max(read, key=lambda path: len(read[path]), default="")
    return Told(
        nodes=nodes,
        stats={path: drive.stat(path) for path in nodes},
        contents=read,
        slices={(start, size): drive.read(longest, start, size) for start, size in SLICES} if longest else {},
        absences={path: _absence(drive, path) for path in _not_there(county, person)},
        refusals={act: _refusal(drive, act, longest or "/") for act in ACTS},
    )


def expected(county: County, person: Person) -> dict[str, Node]:
    """Every path of the tree of `person` but the root's text: folders exist by what can be read in them [R3] [R7]."""
    letters = county.visible(person)
    folders = {"/", *(folder for school in person.reads for folder in _above(person.root(school)))}
    folders |= {folder for path in letters for folder in _above(dirname(path))}
    nodes = {path: Node(False, len(letter.data), letter.at) for path, letter in letters.items()}
    for folder in folders:
        inside = [letter.at for path, letter in letters.items() if path.startswith(f"{folder.rstrip('/')}/")]
        nodes[folder] = Node(True, 0, max(inside, default=county.at))
    return nodes


def rows_of(county: County, person: Person, door: Door) -> set[Row]:
    """What the record holds of the person's story on `door`."""
    merged: dict[tuple[object, ...], list[Event]] = {}
    for event in county.events(0):
        if event.actor == person.account_id and event.protocol == door and event.event is not EventKind.SIGN_IN:
            merged.setdefault(_alike(event), []).append(event)
    return {_row(events) for events in merged.values()}


def _walk(drive: Drive, path: str, node: Node) -> Iterator[tuple[str, Node]]:
    yield path, node
    if node.folder:
        for name, child in drive.listing(path).items():
            yield from _walk(drive, join(path, name), child)


def _to_read(nodes: dict[str, Node]) -> list[str]:
    return [path for path, node in nodes.items() if not node.folder and _tells_something_new(path)]


def _tells_something_new(path: str) -> bool:
    """Of the many documents that differ in a number alone, a few do."""
    return path.endswith("11.pdf") or not any(name in path for name in ("Payslip ", "Circular "))


def _not_there(county: County, person: Person) -> list[str]:
    """Hidden, foreign, expired and never sent: whatever is sent to anybody and is not there for this person."""
    there = set(expected(county, person))
    home = person.root(next(iter(person.reads)))
    invented = [f"{home}/No such month", f"{home}/2026-02 February", f"/{folder_of(CLIFF)}", "/nothing", f"/{ABOUT}/x"]
    if person.kind is Kind.SERVICE:
        invented.append(f"/{ABOUT}")
    sent = [letter for letter in county.letters if _tells_something_new(letter.name)]
    paths = [letter.path(person, school) for letter in sent for school in letter.schools]
    folders = [dirname(path) for path in paths] + [dirname(dirname(path)) for path in paths]
    return sorted({*invented, *paths, *folders} - there)


def _absence(drive: Drive, path: str) -> list[str]:
    """The sentence of each refusal to look at `path`, to list it and to read it."""
    said = []
    for act in (drive.stat, drive.listing, drive.read):
        try:
            act(path)
        except Absent as exc:
            said.append(str(exc))
        else:
            said.append(f"{act.__name__} succeeded")
    return said


def _refusal(drive: Drive, act: str, path: str) -> str:
    try:
        drive.write(act, path)
    except Forbidden as exc:
        return str(exc)
    return "succeeded"


def _above(folder: str) -> Iterator[str]:
    while folder != "/":
        yield folder
        folder = dirname(folder)


def _alike(event: Event) -> tuple[object, ...]:
    """What makes two lines tell the same. How often a folder was looked at depends on the protocol's own questions."""
    return (event.event, event.school, event.object, event.reference, event.result, event.reason)


def _row(events: list[Event]) -> Row:
    first = events[0]
    return Row(
        event=first.event,
        actor=first.actor,
        school=first.school,
        object=first.object,
        reference=first.reference,
        result=first.result,
        reason=_SAME_ACT.get(first.reason, first.reason),
        count=0 if first.event is EventKind.FOLDER_BROWSE else sum(event.count for event in events),
        ranges=_merged([piece for event in events for piece in event.ranges]),
    )


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
