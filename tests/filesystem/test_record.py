"""What the record holds of each operation: before anything leaves, with the true reason, and no name in clear [R24]."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from gateway.errors import FSError
from gateway.tree import FileSystem
from policy import schools
from policy.access import Reason
from policy.audit.events import Event, EventKind, Result
from policy.schools import SchoolState
from tests.support.world import ADDRESS, HERE, THERE, World, names, path

DOCUMENTS = "/Derbyshire Documents"
SEND = f"{DOCUMENTS}/2026-11 November/SEND"
LETTER = f"{SEND}/letter.pdf"
ABOUT = "/About this drive.txt"
BROWSE, OPEN, REFUSED = EventKind.FOLDER_BROWSE, EventKind.FILE_OPEN, EventKind.READ_REFUSED


@pytest.mark.parametrize(
    ("operation", "kind", "thing"),
    [
        (lambda fs: fs.stat(path("/")), BROWSE, "{school}"),
        (lambda fs: fs.stat(path(SEND)), BROWSE, "{folder}"),
        (lambda fs: fs.stat(path(LETTER)), BROWSE, "{folder}"),
        (lambda fs: fs.scandir(path("/")), BROWSE, "{school}"),
        (lambda fs: fs.scandir(path(f"{DOCUMENTS}/2026-11 November")), BROWSE, "{school}/2026-11"),
        (lambda fs: fs.scandir(path(SEND)), BROWSE, "{folder}"),
        (lambda fs: fs.scandir(path(LETTER)), BROWSE, "{folder}"),
        (lambda fs: fs.open(path(SEND)), BROWSE, "{folder}"),
        (lambda fs: fs.open(path(LETTER)).close(), OPEN, "{object}"),
        (lambda fs: fs.open(path(ABOUT)).close(), OPEN, "about"),
        (lambda fs: fs.scandir(path(f"{DOCUMENTS}/2026-10 October")), REFUSED, None),
        (lambda fs: fs.open(path(f"{SEND}/nothing.pdf")), REFUSED, None),
        (lambda fs: fs.refuse_write(path(LETTER), "remove"), EventKind.WRITE_REFUSED, None),
    ],
)
def test_each_operation_is_one_row_of_its_session(
    world: World, operation: Callable[[FileSystem], object], kind: EventKind, thing: str | None
) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    [published] = world.recorded(EventKind.DOCUMENT_PUBLISHED)
    session = world.session("o.office")
    with suppress(FSError):
        operation(session.fs)
    event = world.recorded(session=session)[0]
    assert event.event is kind
    assert (event.actor, event.address, event.client) == (world.accounts["o.office"], ADDRESS, "a test")
    assert event.protocol == session.principal.door
    if thing is not None:
        folder = f"{world.schools[HERE]}/2026-11/{world.categories['SEND']}"
        assert event.object == thing.format(school=world.schools[HERE], folder=folder, object=published.object)
    closing = [row.event for row in world.recorded(session=session)[1:]]
    assert closing in ([], [EventKind.FILE_CLOSE])


def test_a_row_is_there_before_anything_left(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    session = world.session("o.office")
    handle = session.fs.open(path(LETTER))
    [event] = world.recorded(session=session)
    assert (event.event, event.result, event.ranges) == (OPEN, Result.PERMIT, ((0, 10),))
    handle.pread(2, 3)
    handle.close()
    assert world.recorded(EventKind.FILE_CLOSE, session=session)[0].ranges == ((2, 5),)


def test_further_listings_of_a_folder_are_counted(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    session = world.session("o.office")
    for _ in range(7):
        names(session.fs, SEND)
    assert [event.count for event in world.recorded(BROWSE, session=session)] == [1]
    session.close()
    assert [event.count for event in world.recorded(BROWSE, session=session)] == [1, 6]


@pytest.mark.parametrize(
    ("options", "who", "reason"),
    [
        ({"category": "Shared Services HR"}, "o.office", Reason.NO_GRANT),
        ({"roles": ["SENCO"]}, "o.office", Reason.NOT_IN_AUDIENCE),
        ({"not_headteacher": "a complaint"}, "h.head", Reason.NOT_FOR_HEADTEACHER),
    ],
)
def test_the_record_has_the_true_reason_that_nobody_is_told(
    world: World, options: dict[str, Any], who: str, reason: Reason
) -> None:
    category = options.pop("category", "SEND")
    reference = world.publish("letter.pdf", HERE, category, **options).reference
    event = _refusal(world, who, f"{DOCUMENTS}/2026-11 November/{category}/letter.pdf")
    assert (event.reason, event.reference, event.school) == (reason, reference, world.schools[HERE])


def test_a_document_past_its_last_day_is_named_as_such_in_the_record(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.pass_time(days=91)
    assert _refusal(world, "o.office", LETTER).reason == Reason.EXPIRED


def test_an_obstacle_stands_in_the_record(world: World) -> None:
    session = world.session("o.office")
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)
    world.clock.advance(seconds=1)
    with pytest.raises(FSError):
        names(session.fs, "/")
    assert [event.reason for event in world.recorded(session=session)] == [Reason.SCHOOL_SUSPENDED]


def test_no_name_stands_in_the_record(world: World) -> None:
    world.publish("Secret of Ann.pdf", HERE, "SEND")
    world.publish("Secret of Ben.pdf", THERE, "SEND")
    session = world.session("o.office")
    for name in ("Secret of Ann.pdf", "Secret of Ben.pdf", "Secret of Eve.pdf"):
        with suppress(FSError):
            session.fs.open(path(f"{SEND}/{name}")).close()
        session.fs.refuse_write(path(f"{SEND}/{name}"), "remove")
    session.close()
    assert len(world.recorded(session=session)) > 3
    assert not any("Secret" in str(event) for event in world.recorded())


def test_two_refusals_of_one_name_can_be_told_from_those_of_another(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    found = [_refusal(world, "o.office", f"{SEND}/{name}.pdf").object for name in ("a", "a", "b")]
    assert found[0] == found[1] != found[2]


def _refusal(world: World, who: str, place: str) -> Event:
    session = world.session(who)
    with pytest.raises(FSError):
        session.fs.open(path(place))
    [event] = world.recorded(REFUSED, session=session)
    return event
