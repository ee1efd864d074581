"""`ladocs agreement`: what schools have signed, taken over one by one or from a file, shown and recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import SPECIMEN
from tests.cli.county import PRIMARY, SECONDARY, County, lists_an_agreement

SIGNED = ("--version", "2026-1", "--signed-on", "2025-10-01", "--signed-by", "  Mary   Head ")
HEADER = "dfe,version,signed_on,signed_by\n"
ROWS = f"{HEADER}{PRIMARY},2026-1,2025-10-01,Mary Head\n{SECONDARY},2026-1,02/10/2025,Sue Head\n"
TEXT = "# Our agreement\n\nWhat schools promise.\n"


@pytest.fixture
def agreed(county: County) -> County:
    """The county, with a text of its own."""
    lists_an_agreement(county, TEXT)
    return county


def versions(county: County) -> dict[str, str]:
    """The version in force in each school."""
    return {row["dfe"]: row["version"] for row in county("agreement", "list", "--json").json}


def a_file(county: County, text: str) -> Path:
    file = county.root / "signed.csv"
    file.write_text(text)
    return file


def test_what_a_school_has_signed_is_shown_afterwards_the_oldest_first(agreed: County) -> None:
    agreed("agreement", "record", PRIMARY, *SIGNED)
    signed = agreed("agreement", "show", "--school", PRIMARY, "--json").json
    assert [row["version"] for row in signed] == ["specimen-1", "2026-1"]
    assert signed[1] == {"version": "2026-1", "signed_on": "2025-10-01", "signed_by": "Mary Head"}


def test_the_version_that_was_signed_is_in_force(agreed: County) -> None:
    said = agreed("agreement", "record", PRIMARY, *SIGNED, "--json").json
    assert (said["dfe"], said["version"], said["order"]) == (PRIMARY, "2026-1", "in force")
    assert versions(agreed) == {PRIMARY: "2026-1", SECONDARY: "specimen-1"}


def test_a_signature_is_in_the_record(agreed: County) -> None:
    agreed("agreement", "record", PRIMARY, *SIGNED)
    newest = agreed("audit", "list", "--event", "agreement:recorded", "--json").json[-1]
    assert newest["reason"] == "2026-1, signed on 2025-10-01 by Mary Head"


@pytest.mark.parametrize(
    ("version", "signed_on", "signed_by", "said"),
    [
        ("2026-l", "2025-10-01", "Mary Head", "agreement.versions has 2026-1"),
        ("2026-1", "2125-10-01", "Mary Head", "still to come"),
        ("2026-1", "2025-10-01", " ", "Say who signed it"),
    ],
)
def test_a_signature_that_cannot_be_is_refused(
    agreed: County, version: str, signed_on: str, signed_by: str, said: str
) -> None:
    options = ("--version", version, "--signed-on", signed_on, "--signed-by", signed_by)
    assert said in agreed("agreement", "record", PRIMARY, *options, status=1).line


def test_a_signature_is_recorded_once(agreed: County) -> None:
    agreed("agreement", "record", PRIMARY, *SIGNED)
    assert "is recorded already" in agreed("agreement", "record", PRIMARY, *SIGNED, status=1).line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((PRIMARY,), "--version, --signed-on and --signed-by"),
        (SIGNED, "Say which school"),
        ((PRIMARY, *SIGNED, "--csv", "signed.csv"), "give --csv FILE, or a school"),
        ((PRIMARY, *SIGNED, "--dry-run"), "go with --csv"),
    ],
)
def test_half_a_signature_is_refused(agreed: County, words: tuple[str, ...], said: str) -> None:
    assert said in agreed("agreement", "record", *words, status=2).line


def test_nothing_is_recorded_under_a_text_that_was_changed(agreed: County) -> None:
    agreed("agreement", "record", PRIMARY, *SIGNED)
    (agreed.home / "agreement.md").write_text("# Another text\n")
    assert "put that one back" in agreed("agreement", "record", SECONDARY, *SIGNED, status=2).line


# From a file


def test_a_file_is_taken_over_whole(agreed: County) -> None:
    said = agreed("agreement", "record", "--csv", a_file(agreed, ROWS), "--json").json
    assert (said["recorded"], said["already"], said["faults"]) == (2, 0, [])
    assert versions(agreed) == {PRIMARY: "2026-1", SECONDARY: "2026-1"}
    assert len(agreed("audit", "list", "--event", "agreement:recorded", "--json").json) == 4  # two are of the county


def test_a_file_given_twice_records_nothing_the_second_time(agreed: County) -> None:
    file = a_file(agreed, ROWS)
    agreed("agreement", "record", "--csv", file)
    assert agreed("agreement", "record", "--csv", file).out == "0 signatures recorded. 2 were recorded already.\n"


def test_with_a_fault_in_any_row_nothing_is_recorded(agreed: County) -> None:
    ran = agreed("agreement", "record", "--csv", a_file(agreed, f"{ROWS}830-9999,2026-1,2025-10-01,X\n"), status=1)
    assert "row 4, dfe: no school has the number '830-9999'" in ran.err
    assert versions(agreed) == {PRIMARY: "specimen-1", SECONDARY: "specimen-1"}


def test_the_others_are_recorded_where_that_is_asked_for(agreed: County) -> None:
    file = a_file(agreed, f"{ROWS}830-9999,2026-1,2025-10-01,X\n")
    assert agreed("agreement", "record", "--csv", file, "--skip-bad", "--json", status=1).json["recorded"] == 2
    assert versions(agreed) == {PRIMARY: "2026-1", SECONDARY: "2026-1"}


def test_a_dry_run_records_nothing(agreed: County) -> None:
    file, before = a_file(agreed, ROWS), versions(agreed)
    assert agreed("agreement", "record", "--csv", file, "--dry-run").out == "2 signatures would be recorded.\n"
    assert versions(agreed) == before


# Texts and schools


def test_the_text_in_force_is_printed(agreed: County) -> None:
    assert agreed("agreement", "show").out == TEXT
    assert agreed("agreement", "show", "2026-1").out == TEXT


def test_the_specimen_is_printed_while_there_is_no_other(county: County) -> None:
    assert county("agreement", "show").out == SPECIMEN.file.read_text()


def test_a_text_in_json_says_its_version_day_and_digest(county: County) -> None:
    said = county("agreement", "show", "--json").json
    assert (said["version"], said["in_force_on"], len(said["sha256"])) == ("specimen-1", "2025-01-01", 64)


def test_a_version_that_is_not_there_is_refused_with_those_that_are(county: County) -> None:
    assert "agreement.versions has specimen-1" in county("agreement", "show", "2019-1", status=1).line


def test_before_the_first_version_is_in_force_there_is_no_text(county: County) -> None:
    lists_an_agreement(county, TEXT, day="2126-09-01")
    assert "in force yet: 'ladocs agreement show 2026-1'" in county("agreement", "show", status=1).line


def test_schools_are_listed_by_how_they_stand(county: County) -> None:
    county("school", "add", "830-2009", "--name", "Newbold School")
    [row] = county("agreement", "list", "--order", "suspended", "--json").json
    assert (row["dfe"], row["order"]) == ("830-2009", "suspended: no agreement in force")


def test_a_school_is_shown_with_how_it_stands(county: County) -> None:
    county("school", "add", "830-2009", "--name", "Newbold School")
    assert county("school", "show", "830-2009", "--json").json["order"] == "suspended: no agreement in force"
    listed = {row["dfe"]: row["order"] for row in county("school", "list", "--json").json}
    assert listed == {PRIMARY: "in force", SECONDARY: "in force", "830-2009": "suspended: no agreement in force"}
