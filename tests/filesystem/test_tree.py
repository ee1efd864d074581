"""The shape of the tree: what exists, under which name, in which order, with which time [R1] [R3] [R6] [R7] [R34]."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auth.principal import Layout
from gateway.errors import NotADirectory, NotFound
from policy import schools
from tests.support.world import HERE, THERE, World, a_world, names, path, peer, read, tree

DOCUMENTS = "/Derbyshire Documents"
NOVEMBER = f"{DOCUMENTS}/2026-11 November"
SEND = f"{NOVEMBER}/SEND"
ABOUT = "/About this drive.txt"


def test_a_document_lies_in_its_month_and_category(world: World) -> None:
    world.publish("Review & notes.pdf", HERE, "SEND", b"%PDF review")
    fs = world.fs("o.office")
    assert tree(fs) == [DOCUMENTS, NOVEMBER, SEND, f"{SEND}/Review & notes.pdf", ABOUT]
    assert read(fs, f"{SEND}/Review & notes.pdf") == b"%PDF review"


def test_months_stand_by_name_and_categories_in_the_order_of_the_settings(world: World) -> None:
    for _ in range(2):
        for category in ("Shared Services HR", "SEND", "General", "EHSG Report Confidential"):
            world.publish("letter.pdf", HERE, category)
        world.pass_time(days=20)
    fs = world.fs("h.head")
    assert names(fs, DOCUMENTS) == ["2026-11 November", "2026-12 December"]
    assert names(fs, NOVEMBER) == ["EHSG Report Confidential", "General", "SEND", "Shared Services HR"]


def test_root_and_documents_stand_when_there_is_nothing(world: World) -> None:
    fs = world.fs("n.nothing")
    assert tree(fs) == [DOCUMENTS, ABOUT]
    assert fs.stat(path("/")).is_folder and fs.stat(path(DOCUMENTS)).is_folder


@pytest.mark.parametrize("folder", [NOVEMBER, SEND, f"{NOVEMBER}/General"])
def test_a_month_or_category_without_a_readable_document_is_as_if_it_had_never_been(world: World, folder: str) -> None:
    world.publish("for.pdf", HERE, "Shared Services HR")
    world.publish("others.pdf", THERE, "SEND")
    fs = world.fs("n.nothing")
    for act in (fs.stat, fs.scandir, fs.open):
        with pytest.raises(NotFound):
            act(path(folder))
    assert names(fs, DOCUMENTS) == []


def test_a_category_ends_with_its_last_document(world: World) -> None:
    world.publish("first.pdf", HERE, "SEND")
    world.pass_time(days=5)
    world.publish("second.pdf", HERE, "General")
    world.pass_until(datetime(2027, 2, 22, 0, 0, tzinfo=UTC))
    fs = world.fs("o.office")
    assert names(fs, NOVEMBER) == ["General"]
    world.pass_time(days=5)
    assert names(fs, DOCUMENTS) == []


def test_every_folder_is_as_old_as_the_newest_document_that_its_reader_sees_in_it(world: World) -> None:
    world.publish("seen.pdf", HERE, "SEND")
    seen = world.clock.now()
    world.pass_time(hours=3)
    world.publish("hidden.pdf", HERE, "Shared Services HR")
    world.publish("not for everyone.pdf", HERE, "SEND", roles=["SENCO"])
    office, head = world.fs("o.office"), world.fs("h.head")
    for folder in ("/", DOCUMENTS, NOVEMBER, SEND):
        assert office.stat(path(folder)).mtime == seen
        assert head.stat(path(folder)).mtime == world.clock.now()


def test_time_and_etag_of_a_document_never_change(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    published = world.clock.now()
    before = world.fs("o.office").stat(path(f"{SEND}/letter.pdf"))
    world.pass_time(days=60)
    world.publish("later.pdf", HERE, "SEND")
    assert world.fs("h.head").stat(path(f"{SEND}/letter.pdf")) == before
    assert before.mtime == published


# Names


def test_a_name_is_found_in_either_form_of_unicode_and_whatever_its_case(world: World) -> None:
    world.publish("Élan Ärzte.PDF", HERE, "SEND", b"x")
    fs = world.fs("o.office")
    for spelt in ("Élan Ärzte.PDF", "élan ärzte.pdf", "ÉLAN ÄRZTE.pdf"):
        for form in ("NFC", "NFD"):
            document = unicodedata.normalize(form, f"/DERBYSHIRE documents/2026-11 NOVEMBER/send/{spelt}")
            assert read(fs, document) == b"x"
    assert names(fs, SEND) == ["Élan Ärzte.PDF"]


def test_a_hidden_document_keeps_its_name_from_others(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", b"for the SENCO", roles=["SENCO"])
    world.publish("letter.pdf", HERE, "SEND", b"for all")
    assert names(world.fs("o.office"), SEND) == ["letter (2).pdf"]
    assert names(world.fs("h.head"), SEND) == ["letter (2).pdf", "letter.pdf"]


# Several schools


def test_somebody_with_several_schools_sees_a_folder_for_each(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["General"]}, "Business manager", layout=Layout.BY_SCHOOL)
    world.publish("here.pdf", HERE, "SEND")
    world.publish("there.pdf", THERE, "SEND")
    assert tree(world.fs("b.both")) == [
        "/830-2001 Alder Primary",
        f"/830-2001 Alder Primary{DOCUMENTS}",
        f"/830-2001 Alder Primary{NOVEMBER}",
        f"/830-2001 Alder Primary{SEND}",
        f"/830-2001 Alder Primary{SEND}/here.pdf",
        "/830-2002 Birch Primary",
        f"/830-2002 Birch Primary{DOCUMENTS}",
        ABOUT,
    ]


def test_a_script_sees_a_folder_also_for_its_only_school_and_no_text(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    fs = world.fs("nightly")
    assert tree(fs) == ["/830-2001 Alder Primary", f"/830-2001 Alder Primary{DOCUMENTS}"]
    with pytest.raises(NotFound):
        fs.stat(path(ABOUT))


def test_a_layout_by_school_holds_for_one_school_too(world: World) -> None:
    world.person("l.later", {HERE: ["SEND"]}, layout=Layout.BY_SCHOOL)
    assert names(world.fs("l.later"), "/") == ["830-2001 Alder Primary", "About this drive.txt"]


def test_a_school_keeps_its_folder_until_the_first_of_september_after_a_new_name(world: World) -> None:
    world.person("l.later", {HERE: ()}, layout=Layout.BY_SCHOOL)
    with world.changing() as connection:
        schools.rename(connection, world.schools[HERE], "Ash Tree Primary", world.clock.now())
    world.pass_until(datetime(2027, 8, 31, 22, 59, 59, tzinfo=UTC))
    fs = world.fs("l.later")
    assert names(fs, "/") == ["830-2001 Alder Primary", "About this drive.txt"]
    world.pass_time(seconds=10)
    assert names(fs, "/") == ["830-2001 Ash Tree Primary", "About this drive.txt"]


# The authority, and the text of the root


def test_an_officer_has_an_empty_root(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    principal = world.officers_principal()
    fs = world.services.sessions.open(principal, peer()).fs
    assert tree(fs) == []
    with pytest.raises(NotFound):
        fs.stat(path(DOCUMENTS))


def test_the_text_of_the_root_is_alike_for_everyone(world: World) -> None:
    world.person("t.there", {THERE: ["SEND"]})
    office = world.fs("o.office")
    before = office.stat(path(ABOUT)), read(office, ABOUT)
    world.pass_time(days=40)
    there = world.fs("t.there")
    assert (there.stat(path("/about THIS drive.TXT")), read(there, ABOUT)) == before
    assert b"never mirror" in before[1]
    assert b"01629 536797" in before[1]


def test_the_text_of_the_root_is_no_folder(world: World) -> None:
    fs = world.fs("o.office")
    with pytest.raises(NotADirectory):
        fs.scandir(path(ABOUT))
    with pytest.raises(NotFound):
        fs.stat(path(f"{ABOUT}/letter.pdf"))


def test_the_text_of_the_root_can_be_switched_off(tmp_path: Path) -> None:
    with a_world(tmp_path, settings="[drive]\nabout = false\n") as world:
        world.school(HERE)
        world.person("o.office", {HERE: ["SEND"]})
        fs = world.fs("o.office")
        assert names(fs, "/") == ["Derbyshire Documents"]
        with pytest.raises(NotFound):
            fs.open(path(ABOUT))
