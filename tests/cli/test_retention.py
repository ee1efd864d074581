"""`ladocs report retention`: what is due when, as a table, for a spreadsheet, and as a page that everybody can read."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from gateway.chart import Bar, stacked
from gateway.sheet import Figure, Numbers, Paragraph, Table, page
from tests.cli.county import PRIMARY, SECONDARY, County
from tests.portal.browsing import DESK, PHONE, chromium  # noqa: F401  a fixture
from tests.portal.test_accessible import NARROW, found_by_axe, overflow

SIZE = len(b"Dear headteacher\n")
MARKUP = "<b>\"&'</b>"


@pytest.fixture
def due(county: County, letter: Path) -> date:
    """Two letters that are due on one day: SEND to both schools, General to the primary."""
    county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--school", SECONDARY)
    shown = county("publish", letter, "--category", "General", "--school", PRIMARY, "--json").json["published"][0]
    [said] = county("document", "show", shown["reference"], "--json").json["destroyed_on"].split()
    return date.fromisoformat(said)


def report(county: County, *options: str) -> Any:
    return county("report", "retention", "--json", *options).json


def test_each_category_has_a_row_for_its_week_under_the_monday(county: County, due: date) -> None:
    week = (due - timedelta(days=due.weekday())).isoformat()
    rows = [(row["due"], row["category"], row["documents"], row["held"], row["size"]) for row in report(county)]
    assert rows == [(week, "General", 1, 0, SIZE), (week, "SEND", 1, 0, SIZE)]


def test_a_day_may_have_a_row(county: County, due: date) -> None:
    assert {row["due"] for row in report(county, "--by", "day")} == {due.isoformat()}


def test_a_document_counts_for_each_school_where_they_are_told_one_by_one(county: County, due: date) -> None:
    rows = {(row["category"], row["school"]) for row in report(county, "--per-school")}
    assert rows == {("General", PRIMARY), ("SEND", PRIMARY), ("SEND", SECONDARY)}


def test_one_school_may_be_asked_about(county: County, due: date) -> None:
    assert [row["category"] for row in report(county, "--school", SECONDARY)] == ["SEND"]


def test_what_is_held_is_counted_until_the_hold_is_lifted(county: County, due: date) -> None:
    hold = "INSERT INTO hold (document_id, why, placed_by, placed_at, lifted_why) VALUES (1, 'tribunal', 1, 0, '')"
    county.execute("ladocs.db", hold)
    assert {row["category"]: row["held"] for row in report(county)} == {"General": 0, "SEND": 1}
    county.execute("ladocs.db", "UPDATE hold SET lifted_at = 1")
    assert {row["held"] for row in report(county)} == {0}


def test_what_is_destroyed_is_not_due(county: County, due: date) -> None:
    county.execute("ladocs.db", "UPDATE object SET wrap = NULL WHERE id IN (SELECT object_id FROM document WHERE id=1)")
    assert [row["category"] for row in report(county)] == ["General"]


def test_people_are_shown_a_table(county: County, due: date) -> None:
    out = county("report", "retention").out
    assert "SEND" in out
    assert f"{SIZE} bytes" in out


def test_nothing_kept_is_said(county: County) -> None:
    assert county("report", "retention").out == "Nothing is kept.\n"


def test_it_goes_into_a_spreadsheet(county: County, due: date) -> None:
    out = county("report", "retention", "--csv").out
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"))))
    assert [(row["category"], row["documents"], row["size"]) for row in rows] == [
        ("General", "1", str(SIZE)),
        ("SEND", "1", str(SIZE)),
    ]


def test_a_folder_that_is_not_there_is_said(county: County, tmp_path: Path) -> None:
    file = tmp_path / "nowhere/report.html"
    assert county("report", "retention", "--html", file, status=1).line == (
        f"{file} cannot be written (No such file or directory): name a file in a folder of yours."
    )


def test_the_page_of_an_empty_home_says_so(county: County, tmp_path: Path) -> None:
    county("report", "retention", "--html", tmp_path / "report.html")
    assert "Nothing is kept." in (tmp_path / "report.html").read_text()


def test_a_name_brings_no_markup_into_a_page() -> None:
    figure = Figure(stacked(MARKUP, [MARKUP], [Bar(MARKUP, (1,))]))
    made = page(MARKUP, MARKUP, [Paragraph(MARKUP), Numbers(((MARKUP, MARKUP),)), figure])
    made += page("", "", [Table(MARKUP, (MARKUP, MARKUP), [(MARKUP, MARKUP)])])
    assert "<b>" not in made
    assert "\"&'" not in made


def test_bars_share_the_room_by_their_values() -> None:
    made = stacked("Due", ["SEND", "General"], [Bar("one", (1, 2)), Bar("two", (6, 0))])
    assert made.count("<rect") == 4
    assert [width for width in ("16.667%", "33.333%", "100.000%") if f'width="{width}"' in made] == [
        *("16.667%", "33.333%", "100.000%")
    ]


@pytest.mark.needs("chromium")
def test_the_page_is_accessible_fits_every_screen_and_asks_the_network_for_nothing(
    county: County,
    due: date,
    tmp_path: Path,
    chromium: Browser,  # noqa: F811
) -> None:
    file = tmp_path / "report.html"
    county("report", "retention", "--html", file)
    context = chromium.new_context()
    shown, asked, complaints = context.new_page(), [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: complaints.append(message.text))
    shown.goto(file.as_uri())
    assert "What is due to be destroyed" in shown.get_by_role("heading", level=1).inner_text()
    assert shown.locator("figure svg rect").count() == 2
    assert (asked, complaints) == ([file.as_uri()], [])
    for size in (PHONE, DESK, NARROW):
        for scheme in ("light", "dark"):
            shown.set_viewport_size(size)
            shown.emulate_media(color_scheme=scheme)
            assert (overflow(shown), found_by_axe(shown)) == (0, [])
    context.close()
