"""What is published lies where it should, for whom it should, until when it should [R2] [R5] [R7] [R27]."""

from __future__ import annotations

import re
import shutil
import threading
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from config.clock import end_of_day
from gateway import compose
from gateway.errors import NotFound
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.publishing import Item, Published, Restriction
from gateway.vault.models import Kek
from policy.months import Window
from tests.publishing.authority import EXAMPLE, HILLTOP, NOBODY, Authority, opened
from tests.support.clock import FakeClock


def test_a_published_file_is_read_by_its_school_and_by_no_other(authority: Authority) -> None:
    verdict = authority.published(authority.item())
    assert verdict.names == ((authority.schools[EXAMPLE], "Letter.pdf"),)
    assert verdict.size == len(b"Dear all")
    assert authority.read("helen.head", "Letter.pdf") == b"Dear all"
    with pytest.raises(NotFound):
        authority.read("hugo.head", "Letter.pdf")


def test_a_reference_can_be_said_on_the_telephone_and_is_given_once(authority: Authority) -> None:
    verdicts = [authority.published(authority.item()) for _ in range(20)]
    references = {verdict.reference for verdict in verdicts}
    assert len(references) == 20
    assert all(re.fullmatch(r"D-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}", reference) for reference in references)


def test_a_reference_that_is_taken_is_drawn_again(authority: Authority) -> None:
    taken = authority.published(authority.item(), publisher=authority.publisher(entropy=bytes))
    draws = iter([bytes(6), bytes(6), b"\1" * 6])
    chances = authority.services.entropy
    publisher = authority.publisher(entropy=lambda size: next(draws) if size == 6 else chances(size))
    assert taken.reference == "D-0000-00"
    assert authority.published(authority.item(), publisher=publisher).reference == "D-1111-11"
    told = [(event["reference"], event["result"]) for event in authority.record("document:published")]
    assert told == [
        ("D-0000-00", "permit"),
        *[("D-0000-00", "permit"), ("D-0000-00", "error")] * 2,
        ("D-1111-11", "permit"),
    ]


def test_one_act_to_many_schools_is_one_sealed_object(authority: Authority) -> None:
    verdict = authority.published(authority.item(None, EXAMPLE, HILLTOP, NOBODY))
    assert [name for _, name in verdict.names] == ["Letter.pdf"] * 3
    assert authority.rows() == {"object": 1, "document": 1, "delivery": 3, "audience": 0, "batch": 1, "changes": 3}
    assert len(authority.blobs()) == 1
    assert authority.read("helen.head", "Letter.pdf") == authority.read("hugo.head", "Letter.pdf") == b"Dear all"


def test_a_school_that_is_named_twice_gets_it_once(authority: Authority) -> None:
    verdict = authority.published(authority.item(None, EXAMPLE, EXAMPLE))
    assert len(verdict.names) == 1
    assert authority.listing("helen.head") == ["Letter.pdf"]


def test_the_store_holds_nothing_that_can_be_read(authority: Authority) -> None:
    authority.published(authority.item(authority.file(data=b"Tuppence " * 50)))
    for path in authority.home.path.rglob("*"):
        if path.is_file():
            assert b"Tuppence" not in path.read_bytes()
            assert b"Letter.pdf" not in path.read_bytes()


def test_files_of_one_act_are_one_batch_and_acts_are_told_apart(authority: Authority) -> None:
    authority.publish(authority.item(), authority.item(authority.file("Other.pdf")), note="autumn")
    authority.publish(authority.item(authority.file("Third.pdf")))
    with authority.database.read() as connection:
        batches = connection.execute(select(Batch.account_id, Batch.note).order_by(Batch.id)).all()
        of_documents = connection.execute(select(Document.batch_id).order_by(Document.id)).scalars().all()
    assert [tuple(row) for row in batches] == [
        (authority.people["olive.officer"], "autumn"),
        (authority.people["olive.officer"], ""),
    ]
    assert of_documents == [1, 1, 2]


def test_an_act_of_which_nothing_was_published_is_no_batch(authority: Authority) -> None:
    authority.publish(authority.item(authority.file(data=b"")))
    assert authority.rows()["batch"] == 0


def test_items_are_taken_one_by_one_and_verdicts_keep_their_order(authority: Authority) -> None:
    sources = [authority.file(f"Letter {number}.pdf") for number in range(5)]
    verdicts = authority.publisher().publish(
        (authority.item(source) for source in sources), actor=authority.people["olive.officer"]
    )
    assert [verdict.source for verdict in verdicts] == sources


def test_progress_tells_every_byte(authority: Authority) -> None:
    taken: list[tuple[Path, int]] = []

    def progress(item: Item, size: int) -> None:
        taken.append((item.source, size))

    source = authority.file(data=bytes(3_000_000))
    authority.published(authority.item(source), publisher=authority.publisher(max_bytes=3_000_000), progress=progress)
    assert {path for path, _ in taken} == {source}
    assert len(taken) > 1
    assert sum(size for _, size in taken) == 3_000_000


# Names


@pytest.mark.parametrize("second", ["Letter.pdf", "LETTER.PDF", "letter.pdf"])
def test_a_second_name_in_a_folder_is_numbered_also_when_case_alone_differs(second: str, authority: Authority) -> None:
    authority.published(authority.item(authority.file(data=b"first")))
    verdict = authority.published(authority.item(authority.file(second, b"second", folder="later")))
    stem, _, extension = second.partition(".")
    assert verdict.names[0][1] == f"{stem} (2).{extension}"
    assert authority.read("helen.head", "Letter.pdf") == b"first"
    assert authority.read("helen.head", f"{stem} (2).{extension}") == b"second"


def test_a_third_name_is_the_third_and_a_gap_is_not_filled_by_another_name(authority: Authority) -> None:
    for _ in range(3):
        authority.published(authority.item())
    authority.published(authority.item(name="Letter (2).pdf"))
    assert sorted(authority.listing("helen.head")) == [
        "Letter (2) (2).pdf",
        "Letter (2).pdf",
        "Letter (3).pdf",
        "Letter.pdf",
    ]


def test_the_number_is_each_school_s_own(authority: Authority) -> None:
    authority.published(authority.item())
    verdict = authority.published(authority.item(None, EXAMPLE, HILLTOP))
    assert dict(verdict.names) == {
        authority.schools[EXAMPLE]: "Letter (2).pdf",
        authority.schools[HILLTOP]: "Letter.pdf",
    }


def test_a_name_of_another_category_or_month_is_no_obstacle(authority: Authority) -> None:
    authority.published(authority.item())
    assert authority.published(authority.item(category="SEND")).names[0][1] == "Letter.pdf"
    for _ in range(10):
        authority.clock.advance(days=1)
        compose.jobs(authority.home, authority.services, machine=authority.clock).turn()
    compose.observe_clock(authority.services)
    assert authority.published(authority.item()).names[0][1] == "Letter.pdf"


def test_a_name_whose_document_is_past_its_last_day_is_not_given_again(authority: Authority) -> None:
    authority.published(authority.item())
    with authority.database.write() as connection:
        connection.execute(update(Delivery).values(visible_until=authority.clock.now()))
    assert authority.published(authority.item()).names[0][1] == "Letter (2).pdf"


def test_a_name_as_a_mac_writes_it_is_published_as_all_write_it(authority: Authority) -> None:
    name = "Café – Zoë.pdf"
    source = authority.file(unicodedata.normalize("NFD", name))
    assert authority.published(authority.item(source)).names[0][1] == unicodedata.normalize("NFC", name)
    assert authority.listing("helen.head") == [unicodedata.normalize("NFC", name)]
    again = authority.published(authority.item(authority.file(unicodedata.normalize("NFC", name), folder="later")))
    assert again.names[0][1] == unicodedata.normalize("NFC", "Café – Zoë (2).pdf")


def test_another_name_than_the_file_s_own_may_be_given(authority: Authority) -> None:
    assert authority.published(authority.item(name="Timetable.pdf")).names[0][1] == "Timetable.pdf"


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("what?.pdf", "what-.pdf"),
        ("CON.txt", "_CON.txt"),
        ("trailing. ", "trailing"),
        ("a\tb.pdf", "ab.pdf"),
        ("x" * 120 + ".pdf", "x" * 96 + ".pdf"),
        ("é" * 110 + ".pdf", "é" * 96 + ".pdf"),
        ("~$Letter.docx", "Letter.docx"),
    ],
)
def test_fixing_names_publishes_under_the_proposal(bad: str, good: str, authority: Authority) -> None:
    source = authority.file()
    assert (
        authority.published(authority.item(source, name=bad), publisher=authority.publisher(fix_names=True)).names[0][1]
        == good
    )
    assert good in authority.refused(authority.item(source, name=bad))


def test_two_who_publish_one_name_at_once_get_two_names(authority: Authority, clock: FakeClock) -> None:
    other = opened(authority.home.path, authority.outbox, clock)
    items = [authority.item(authority.file(folder=str(number)), EXAMPLE, HILLTOP) for number in range(8)]
    verdicts: list[Published] = []

    def publish(who: Authority, mine: list[Item]) -> None:
        verdicts.extend(who.published(item) for item in mine)

    threads = [
        threading.Thread(target=publish, args=(authority, items[:4])),
        threading.Thread(target=publish, args=(other, items[4:])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    compose.close(other.services)
    expected = {"Letter.pdf", *(f"Letter ({number}).pdf" for number in range(2, 9))}
    for dfe in (EXAMPLE, HILLTOP):
        assert {dict(verdict.names)[authority.schools[dfe]] for verdict in verdicts} == expected


# Days


def test_last_day_and_destroy_day_are_those_of_the_90th_day(authority: Authority) -> None:
    authority.published(authority.item())
    row = authority.row(Document)
    assert (row.last_day, row.destroy_day) == (date(2027, 2, 21), date(2027, 2, 21))
    assert row.visible_until == authority.row(Delivery).visible_until == end_of_day(date(2027, 2, 21))
    assert row.published_at == authority.row(Delivery).published_at == authority.clock.now()


def test_the_key_is_that_of_the_destroy_day_whatever_the_window_shows(authority: Authority) -> None:
    authority.published(authority.item(), publisher=authority.publisher(window=Window.CALENDAR_YEAR))
    assert authority.row(Document).last_day == date(2026, 12, 31)
    key = authority.row(Kek, id=authority.row(StoredObject).kek_id)
    assert (key.day, key.purpose) == (date(2027, 2, 21), "publish")
    assert authority.row(Delivery).kek_id == key.id


def test_a_minute_to_midnight_in_london_is_still_that_day(template: Path, tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 11, 23, 23, 59, 30, tzinfo=UTC))
    late = opened(shutil.copytree(template, tmp_path / "home"), tmp_path / "outbox", clock)
    late.published(late.item())
    clock.advance(seconds=30)
    late.published(late.item(late.file("Later.pdf")))
    compose.close(late.services)
    assert late.row(Document, id=1).destroy_day == date(2027, 2, 21)
    assert late.row(Document, id=2).destroy_day == date(2027, 2, 22)


# For whom


def test_an_audience_of_roles_and_people_is_written_down_and_holds(authority: Authority) -> None:
    restriction = Restriction(roles=frozenset({"SENCO", "DSL"}), accounts=frozenset({authority.people["oona.office"]}))
    authority.published(authority.item(category="SEND", restriction=restriction))
    with authority.database.read() as connection:
        rows = connection.execute(select(Audience.role, Audience.account_id).order_by(Audience.id)).all()
    assert [tuple(row) for row in rows] == [("DSL", None), ("SENCO", None), (None, authority.people["oona.office"])]
    assert authority.read("sam.senco", "Letter.pdf", "SEND") == b"Dear all"
    assert authority.read("helen.head", "Letter.pdf", "SEND") == b"Dear all"
    with pytest.raises(NotFound):
        authority.read("oona.office", "Letter.pdf", "SEND")


def test_what_is_withheld_from_the_headteacher_is_read_by_the_others_and_says_why(authority: Authority) -> None:
    restriction = Restriction(not_headteacher_reason=" concerns the headteacher ")
    authority.published(authority.item(category="SEND", restriction=restriction))
    row = authority.row(Document)
    assert (row.not_headteacher, row.not_headteacher_reason) == (True, "concerns the headteacher")
    assert authority.read("sam.senco", "Letter.pdf", "SEND") == b"Dear all"
    with pytest.raises(NotFound):
        authority.read("helen.head", "Letter.pdf", "SEND")
    assert authority.record("document:published")[0]["reason"] == "concerns the headteacher"


def test_a_school_where_nobody_can_read_it_is_named(authority: Authority) -> None:
    verdict = authority.published(authority.item(None, EXAMPLE, HILLTOP, NOBODY))
    [warning] = verdict.warnings
    assert NOBODY in warning
    assert "General" in warning


@pytest.mark.parametrize(
    ("restriction", "category", "warned"),
    [
        (Restriction(), "General", []),
        (Restriction(roles=frozenset({"Governor"})), "General", []),
        (Restriction(not_headteacher_reason="about the head"), "General", [EXAMPLE, HILLTOP]),
        (Restriction(not_headteacher_reason="about the head"), "SEND", [HILLTOP]),
        (Restriction(not_headteacher_reason="about the head", roles=frozenset({"SENCO"})), "SEND", [HILLTOP]),
        (Restriction(not_headteacher_reason="about the head", roles=frozenset({"DSL"})), "SEND", [EXAMPLE, HILLTOP]),
    ],
)
def test_the_warning_heeds_whom_the_document_is_for(
    restriction: Restriction, category: str, warned: list[str], authority: Authority
) -> None:
    verdict = authority.published(authority.item(None, EXAMPLE, HILLTOP, category=category, restriction=restriction))
    assert [dfe for dfe in (EXAMPLE, HILLTOP) if any(dfe in line for line in verdict.warnings)] == warned


# The record


def test_the_record_names_each_school_that_was_published_to(authority: Authority) -> None:
    verdict = authority.published(authority.item(None, EXAMPLE, HILLTOP))
    events = authority.record("document:published")
    assert [event["school"] for event in events] == [authority.schools[EXAMPLE], authority.schools[HILLTOP]]
    assert {event["reference"] for event in events} == {verdict.reference}
    assert {event["actor"] for event in events} == {authority.people["olive.officer"]}
    assert {event["object"] for event in events} == {authority.row(StoredObject).id.hex()}
