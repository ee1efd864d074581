"""Publishing, the catalogue, keys and the record in SQL, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import func, select, update

from config.clock import london_date
from gateway import compose, documents
from gateway.catalogue import Catalogue, Folder, Found
from gateway.documents import DocumentFilter
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.publishing import Failed, Published
from gateway.services import Services
from gateway.vault.models import Kek, KekState, Purpose
from policy import generations
from policy.access import AudienceOf, Scope
from policy.audit.events import EventKind
from policy.audit.verify import verify
from policy.holdings import scope_for
from policy.months import Month
from tests.support.concurrency import all_at_once
from tests.support.databases import opened
from tests.support.world import HERE, OFFICER, THERE, World, names, path, read, tree, without_table

SEND = "/Derbyshire Documents/2026-11 November/SEND"


def folder(world: World, category: str = "SEND", dfe: str = HERE) -> Folder:
    month = Month.of(london_date(world.clock.now()))
    return Folder(world.schools[dfe], month, world.categories[category])


@contextmanager
def processes(world: World, number: int) -> Iterator[list[Services]]:
    """What so many processes hold of one home, the world's own as the first."""
    with ExitStack() as stack:
        others = [compose.services(world.home, world.settings, machine=world.clock) for _ in range(number - 1)]
        for other in others:
            stack.callback(compose.close, other)
        yield [world.services, *others]


def scope(world: World, username: str) -> Scope:
    principal = world.principal(username)
    with world.database.read() as connection:
        return scope_for(connection, principal, world.clock.now())


# Publishing


def test_a_published_document_reads_back_whole(world: World) -> None:
    data = bytes(range(256)) * 1000
    world.publish("Élan & Söhne.pdf", [HERE, THERE], "SEND", data)
    assert read(world.fs("o.office"), f"{SEND}/Élan & Söhne.pdf") == data


def test_one_document_for_two_schools_is_one_object_and_two_deliveries(world: World) -> None:
    world.publish("letter.pdf", [HERE, THERE], "SEND", roles=["SENCO"], people=["o.office"])
    with world.database.read() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (StoredObject, Document, Delivery, Audience, Batch)
        ]
        counters = [generations.value(connection, generations.content_of(s)) for s in world.schools.values()]
    assert (found, counters) == ([1, 1, 2, 2, 1], [1, 1])


def test_days_are_fixed_at_publication(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    with world.database.read() as connection:
        row = connection.execute(select(Document.__table__)).one()
        delivery = connection.execute(select(Delivery.__table__)).one()
    assert row.last_day == row.destroy_day == london_date(world.clock.now()) + timedelta(days=90)
    assert row.visible_until == delivery.visible_until
    assert row.published_at == delivery.published_at == world.clock.now()
    assert delivery.month == "2026-11"


def test_publishers_at_once_number_one_name_without_a_gap_whatever_the_order_of_the_schools(world: World) -> None:
    numbers = count()

    def publish() -> object:
        number = next(numbers)
        schools = [HERE, THERE] if number % 2 else [THERE, HERE]
        return world.try_publishing("Letter.pdf", schools, "SEND", publisher=held[number % 3].publisher)

    with processes(world, 3) as held:
        outcomes = all_at_once(9, publish)
    expected = {"Letter.pdf", *(f"Letter ({n}).pdf" for n in range(2, 10))}
    published = [named for outcome in outcomes if isinstance(outcome, Published) for named in outcome.names]
    assert sorted(published) == sorted((school, name) for school in world.schools.values() for name in expected), (
        outcomes
    )
    assert set(names(world.fs("h.head"), SEND)) == expected


def test_what_cannot_be_entered_leaves_no_row(world: World) -> None:
    with without_table(world, "audience"):
        outcome = world.try_publishing("letter.pdf", HERE, "SEND", roles=["SENCO"])
    assert isinstance(outcome, Failed)
    with world.database.read() as connection:
        for table in (StoredObject, Document, Delivery, Batch):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


# The catalogue


def test_a_document_is_found_whoever_may_read_it_and_after_its_last_day(world: World) -> None:
    reference = world.publish(
        "Letter.pdf", HERE, "SEND", b"12345", roles=["SENCO", "DSL"], people=["o.office"]
    ).reference
    place, catalogue = folder(world), Catalogue(world.services.vault)
    world.pass_time(days=91)
    with world.database.read() as connection:
        found = catalogue.find(connection, place, "LETTER.PDF")
        assert catalogue.find(connection, place, "Lettre.pdf") is None
        assert catalogue.find(connection, folder(world, "General"), "Letter.pdf") is None
    assert isinstance(found, Found)
    assert (found.name, found.reference, found.size) == ("Letter.pdf", reference, 5)
    assert found.resource.audience == AudienceOf(frozenset({"SENCO", "DSL"}), frozenset({world.accounts["o.office"]}))


def test_listing_newest_and_usage_say_the_same_of_what_somebody_may_read(world: World) -> None:
    world.publish("a.pdf", HERE, "SEND", b"1")
    world.pass_time(minutes=1)
    world.publish("b.pdf", HERE, "SEND", b"22")
    world.publish("c.pdf", HERE, "SEND", b"333", roles=["SENCO"])
    world.publish("d.pdf", HERE, "Shared Services HR", b"4444")
    world.publish("e.pdf", THERE, "SEND", b"55555")
    catalogue, now = Catalogue(world.services.vault), world.clock.now()
    held = scope(world, "o.office")
    school = held.schools[world.schools[HERE]]
    with world.database.read() as connection:
        listed = catalogue.listing(connection, folder(world), held, school, now)
        assert [(d.name, d.size) for d in listed] == [("a.pdf", 1), ("b.pdf", 2)]
        assert catalogue.newest(connection, held, held.schools.values(), now) == {folder(world): now}
        assert catalogue.usage(connection, held, school, now) == 3
        assert catalogue.newest(connection, held, (), now) == {}


def test_several_schools_are_listed_together(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"], THERE: ["General"]})
    for dfe in (HERE, THERE):
        for category in ("SEND", "General"):
            world.publish("letter.pdf", dfe, category)
    found = [place for place in tree(world.fs("nightly")) if place.endswith(".pdf")]
    assert found == [
        f"/830-2001 Alder Primary{SEND}/letter.pdf",
        "/830-2002 Birch Primary/Derbyshire Documents/2026-11 November/General/letter.pdf",
    ]


def test_the_authority_lists_documents_by_school_category_month_and_reference(world: World) -> None:
    first = world.publish("first.pdf", [HERE, THERE], "SEND", roles=["SENCO"]).reference
    world.pass_time(days=20)
    second = world.publish("second.pdf", THERE, "General", not_headteacher="a complaint").reference
    filters = {
        DocumentFilter(): [second, first],
        DocumentFilter(school_id=world.schools[HERE]): [first],
        DocumentFilter(category_id=world.categories["General"]): [second],
        DocumentFilter(month="2026-12"): [second],
        DocumentFilter(reference=first): [first],
        DocumentFilter(reference=first, month="2026-12"): [],
    }
    now = world.clock.now()
    with world.database.read() as connection:
        for wanted, expected in filters.items():
            rows = documents.listing(connection, world.services.vault, wanted, 10, now)
            assert [row.reference for row in rows] == expected
        [newest] = documents.listing(connection, world.services.vault, DocumentFilter(), 1, now)
        [oldest] = documents.listing(connection, world.services.vault, DocumentFilter(reference=first), 1, now)
    assert (newest.names, newest.not_headteacher_reason) == ({THERE: "second.pdf"}, "a complaint")
    assert (oldest.names, oldest.audience) == ({HERE: "first.pdf", THERE: "first.pdf"}, ("SENCO",))
    assert oldest.published_by == OFFICER


# Keys


def test_every_day_that_may_be_wanted_has_one_active_key_however_many_make_them(world: World) -> None:
    today = london_date(world.clock.now())
    with processes(world, 4) as held:
        turns = iter(held)
        all_at_once(4, lambda: (services := next(turns)).vault.top_up(services.database, today))
    with world.database.read() as connection:
        rows = connection.execute(select(Kek.purpose, Kek.day, func.count()).group_by(Kek.purpose, Kek.day)).all()
        published = world.services.vault.publish_keys(connection, today, today + timedelta(days=120))
    assert {number for _, _, number in rows} == {1}
    assert {day for purpose, day, _ in rows if purpose == Purpose.PUBLISH} == {
        today + timedelta(days=n) for n in range(90, 121)
    }
    assert len(published) == 31


def test_a_destroyed_key_finds_no_name(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    with world.database.write() as connection:
        connection.execute(update(Kek).values(state=KekState.DESTROYED))
        assert Catalogue(world.services.vault).find(connection, folder(world), "letter.pdf") is None


# The record


def test_readers_and_publishers_at_once_leave_a_record_that_verifies(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    sessions = [world.session("o.office") for _ in range(6)]
    numbers = count()

    def act() -> None:
        number = next(numbers)
        for _ in range(3):
            read(sessions[number].fs, f"{SEND}/letter.pdf")
            world.publish(f"letter {number}.pdf", HERE, "General")

    assert all_at_once(6, act) == [None] * 6
    opens = world.recorded(EventKind.FILE_OPEN)
    assert sum(event.count for event in opens) >= 6
    assert len(world.recorded(EventKind.DOCUMENT_PUBLISHED)) == 19
    with opened(world.settings.record_url(world.home.path)) as record, record.read() as connection:
        assert verify(connection).intact


@pytest.mark.parametrize("kind", [EventKind.FOLDER_BROWSE, EventKind.READ_REFUSED])
def test_the_record_is_read_back_by_kind_and_session(world: World, kind: EventKind) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    session = world.session("o.office")
    names(session.fs, SEND)
    with pytest.raises(Exception, match="Not found"):
        session.fs.open(path(f"{SEND}/nothing.pdf"))
    [event] = world.recorded(kind, session=session)
    assert (event.actor, event.school) == (world.accounts["o.office"], world.schools[HERE])
