"""`ladocs document withdraw`: it acts, and says who had read the letter."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from tests.cli.county import PRIMARY, SECONDARY, County
from tests.cli.test_trace import LETTER, in_session
from tests.support.world import read, tree

BECAUSE = ("--because", "sent to the wrong school")


@pytest.fixture
def reference(county: County, letter: Path) -> str:
    """A letter to both schools, which the primary's headteacher has read and its SENCO has only seen in a listing."""
    to = ("--school", PRIMARY, "--school", SECONDARY)
    published = county("publish", letter, "--category", "SEND", *to, "--json").json["published"]
    in_session(county, "m.head", lambda fs: [read(fs, one) for one in tree(fs) if one.endswith(letter.name)])
    in_session(county, "s.senco", tree)
    return str(published[0]["reference"])


def test_it_says_who_had_read_it_and_apart_from_that_who_had_listed_its_folder(county: County, reference: str) -> None:
    said = county("document", "withdraw", reference.lower(), *BECAUSE, "--json").json
    assert (said["reference"], said["withdrawn_from"]) == (reference, [PRIMARY, SECONDARY])
    assert [(row["account"], row["client"], row["sent"]) for row in said["read"]] == [
        ("m.head", "davfs2/1.6", len(LETTER))
    ]
    assert {row["account"] for row in said["listed"]} == {"m.head", "s.senco"}


def test_people_are_told_from_where_it_is_gone_and_shown_two_tables(county: County, reference: str) -> None:
    ran = county("document", "withdraw", reference, "--school", PRIMARY, *BECAUSE)
    assert ran.err.startswith(f"{reference} is withdrawn from 1 school: {PRIMARY}.\n")
    assert ran.out.index("Read:") < ran.out.index("m.head") < ran.out.index("Listed:") < ran.out.index("s.senco")


def test_a_spreadsheet_gets_reads_and_listings_in_one_table(county: County, reference: str) -> None:
    out = county("document", "withdraw", reference, *BECAUSE, "--csv").out
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"))))
    assert [(row["what"], row["account"]) for row in rows] == [
        ("read", "m.head"),
        ("listed", "m.head"),
        ("listed", "s.senco"),
    ]
    assert out == county("audit", "find", "--reference", reference, "--csv").out


def test_a_listing_of_its_folder_after_that_counts_no_more(county: County, reference: str) -> None:
    before = county("document", "withdraw", reference, *BECAUSE, "--json").json["listed"]
    in_session(county, "m.head", tree)
    after = county("audit", "find", "--reference", reference, "--json").json["listed"]
    assert [row for row in after if row["folder"].endswith("SEND")] == before


def test_it_stands_in_the_list_as_withdrawn_when_no_school_has_it_any_more(county: County, reference: str) -> None:
    def state() -> str:
        return str(county("document", "list", "--json").json[0]["state"])

    county("document", "withdraw", reference, "--school", PRIMARY, *BECAUSE)
    assert state() == "visible"
    assert list(county("document", "show", reference, "--json").json["withdrawn"]) == [PRIMARY]
    county("document", "withdraw", reference, *BECAUSE)
    assert state() == "withdrawn"


def test_the_officer_who_published_it_may_and_another_may_not(county: County, letter: Path) -> None:
    county("account", "add", "oscar", "--name", "Oscar", "--email", "o@derbyshire.example", "--staff", "officer")
    county.execute("ladocs.db", "UPDATE account SET state = 'active' WHERE username = 'oscar'")
    county.act_as("olive")
    published = county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--json").json["published"]
    reference = published[0]["reference"]
    county.change_settings('= "olive"', '= "oscar"')
    line = county("document", "withdraw", reference, *BECAUSE, status=1).line
    assert line == f"{reference} was published by somebody else: an administrator or that officer does this."
    county.change_settings('= "oscar"', '= "olive"')
    assert county("document", "withdraw", reference, *BECAUSE, "--json").json["withdrawn_from"] == [PRIMARY]


def test_a_record_that_cannot_be_searched_does_not_hide_that_it_is_withdrawn(county: County, reference: str) -> None:
    def refuse(*call: Any) -> None:
        if "SELECT audit_record.payload" in call[2]:
            raise OperationalError(call[2], {}, OSError("disk I/O error"))

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        ran = county("document", "withdraw", reference, *BECAUSE, status=1)
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)
    assert f"{reference} is withdrawn, but who read it cannot be said now" in ran.err
    assert county("document", "show", reference, "--json").json["state"] == "withdrawn"
