"""`ladocs publish` and `ladocs document list | show`."""

from __future__ import annotations

import os
import pty
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.clock import SystemClock, london_date
from tests.cli.county import LADOCS, PRIMARY, SECONDARY, County, Ran

LISTED = ["reference", "name", "schools", "category", "month", "size", "published_at", "last_day", "state"]
SHOWN = [*LISTED, "destroyed_on", "published_by", "note", "audience", "not_headteacher", "names", "withdrawn", "holds"]
TO_PRIMARY = ("--category", "SEND", "--school", PRIMARY)


def listed(county: County, *arguments: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = county("document", "list", "--json", *arguments).json
    return rows


def test_a_file_is_published_to_a_school(county: County, letter: Path) -> None:
    ran = county("publish", letter, *TO_PRIMARY, "--json")
    [published] = ran.json["published"]
    assert ran.json["failed"] == []
    assert published.keys() == {"file", "reference", "size", "schools", "warnings"}
    assert (published["file"], published["schools"], published["warnings"]) == (
        str(letter),
        {PRIMARY: "Letter.txt"},
        [],
    )


def test_what_was_published_is_said_in_a_line_each(county: County, letter: Path) -> None:
    lines = county("publish", letter, *TO_PRIMARY).out.splitlines()
    reference, rest = lines[0].split(maxsplit=1)
    assert reference.startswith("D-")
    assert (rest, lines[1:]) == (f"Letter.txt  to {PRIMARY}", ["1 of 1 documents published."])


def test_a_row_of_the_list_says_what_it_promises(county: County, letter: Path) -> None:
    county("publish", letter, *TO_PRIMARY)
    now = SystemClock().now()
    [row] = listed(county)
    assert list(row) == LISTED
    assert (row["name"], row["schools"], row["category"], row["size"], row["state"]) == (
        "Letter.txt",
        [PRIMARY],
        "SEND",
        17,
        "visible",
    )
    published_at = datetime.fromisoformat(str(row["published_at"]))
    assert abs(now - published_at) < timedelta(minutes=1)
    assert row["month"] == f"{london_date(published_at):%Y-%m}"
    assert now.date() < datetime.fromisoformat(str(row["last_day"])).date() <= now.date() + timedelta(days=91)


def test_a_document_is_shown_whole_by_its_reference(county: County, letter: Path) -> None:
    aim = ("--to", "SENCO", "--person", "m.head", "--note", "spring")
    reference = county("publish", letter, *TO_PRIMARY, *aim, "--json").json["published"][0]["reference"]
    shown = county("document", "show", reference, "--json").json
    assert list(shown) == SHOWN
    assert (shown["published_by"], shown["note"], shown["audience"], shown["names"]) == (
        "ada",
        "spring",
        ["SENCO", "m.head"],
        {PRIMARY: "Letter.txt"},
    )


def test_a_reference_that_was_read_out_is_understood(county: County, letter: Path) -> None:
    county("publish", letter, *TO_PRIMARY)
    county.execute("ladocs.db", "UPDATE document SET reference = 'D-7K01-M4'")
    for typed in ("D-7K01-M4", "d-7koi-m4", "D7KOLM4", " d 7k01 m4 "):
        assert county("document", "show", typed, "--json").json["reference"] == "D-7K01-M4"


def test_any_number_of_documents_is_listed(county: County, letter: Path) -> None:
    """More than one statement may name (SQLite takes 32,766 values)."""
    county("publish", letter, *TO_PRIMARY)
    columns = "object_id, batch_id, category_id, published_at, last_day, visible_until, destroy_day, restricted"
    columns += ", not_headteacher, not_headteacher_reason"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 33000)"
    county.execute(
        "ladocs.db",
        f"{numbers} INSERT INTO document (reference, {columns}) SELECT 'X-' || i, {columns} FROM document, n",
    )
    assert len(listed(county)) == 33_001
    assert county("document", "list").err == "These are the newest 100: --limit 1000 shows more, --json all.\n"


def test_the_name_is_the_one_without_a_number_where_a_school_had_it_already(county: County, letter: Path) -> None:
    county("publish", letter, *TO_PRIMARY)
    reference = county("publish", letter, "--category", "send", "--all-schools", "--json").json["published"][0][
        "reference"
    ]
    shown = county("document", "show", reference, "--json").json
    assert shown["names"] == {PRIMARY: "Letter (2).txt", SECONDARY: "Letter.txt"}
    assert shown["name"] == "Letter.txt"


def test_documents_are_listed_the_newest_first_by_school_category_and_month(county: County, letter: Path) -> None:
    county("publish", letter, *TO_PRIMARY)
    county("publish", letter, "--category", "General", "--school", SECONDARY)
    month = str(listed(county)[0]["month"])
    assert [row["category"] for row in listed(county)] == ["General", "SEND"]
    assert [row["category"] for row in listed(county, "--school", PRIMARY)] == ["SEND"]
    assert [row["category"] for row in listed(county, "--category", "general")] == ["General"]
    assert [row["category"] for row in listed(county, "--limit", "1")] == ["General"]
    assert len(listed(county, "--month", month)) == 2
    assert listed(county, "--month", "2020-01") == []


def test_a_document_past_its_last_day_is_expired_and_one_without_a_key_destroyed(county: County, letter: Path) -> None:
    county("publish", letter, *TO_PRIMARY)
    county("publish", letter, *TO_PRIMARY)
    county.execute("ladocs.db", "UPDATE document SET visible_until = published_at WHERE id = 1")
    county.execute("ladocs.db", "UPDATE object SET wrap = NULL WHERE rowid = 2")
    county.execute("ladocs.db", "UPDATE delivery SET name_sealed = NULL, token = NULL WHERE document_id = 2")
    assert [(row["state"], row["name"]) for row in listed(county)] == [("destroyed", None), ("expired", "Letter.txt")]
    assert "expired" in county("document", "list").out


def test_a_table_counts_the_schools_of_a_document_that_went_to_many(county: County, letter: Path) -> None:
    for number in range(3):
        county("school", "add", f"830-300{number}", "--name", f"School {number}")
    assert "to 5 schools" in county("publish", letter, "--category", "SEND", "--all-schools").out
    assert " 5 schools " in county("document", "list").out
    assert len(listed(county)[0]["schools"]) == 5  # type: ignore[arg-type]


def test_one_bad_file_is_named_and_the_others_go_out(county: County, letter: Path) -> None:
    empty, missing = letter.with_name("empty.txt"), letter.with_name("missing.txt")
    empty.touch()
    ran = county("publish", empty, letter, missing, *TO_PRIMARY, status=1)
    assert ran.out.splitlines()[-1] == "1 of 3 documents published."
    assert ran.err.splitlines() == [
        f"{empty}: the file is empty: publish it when it holds something.",
        f"{missing}: this is not a file: give the path of a document.",
    ]
    assert [row["name"] for row in listed(county)] == ["Letter.txt"]


def test_a_failure_in_json_is_a_row_with_its_message(county: County, letter: Path) -> None:
    missing = letter.with_name("missing.txt")
    said = county("publish", missing, letter, *TO_PRIMARY, "--json", status=1).json
    assert said["failed"] == [
        {"file": str(missing), "message": f"{missing}: this is not a file: give the path of a document."}
    ]
    assert len(said["published"]) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("What is this?.txt", "'What is this-.txt' would do (--fix-names takes it)"),
        ("CON.txt", "'_CON.txt' would do"),
        ("x" * 101 + ".txt", "is longer than 100 characters"),
    ],
)
def test_a_name_that_windows_cannot_carry_is_refused_with_one_that_would_do(
    county: County, letter: Path, name: str, words: str
) -> None:
    bad = letter.rename(letter.with_name(name))
    ran = county("publish", bad, *TO_PRIMARY, status=1)
    assert words in ran.err
    assert listed(county) == []
    assert county("publish", bad, *TO_PRIMARY, "--fix-names").status == 0


def test_a_file_over_the_limit_is_refused_with_the_settings_name(
    county: County, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADOCS_PUBLISH__MAX_BYTES", "16")
    assert "17 bytes are more than publish.max_bytes (16)" in county("publish", letter, *TO_PRIMARY, status=1).err


def test_a_dry_run_says_what_is_wrong_and_does_nothing(county: County, letter: Path) -> None:
    missing = letter.with_name("missing.txt")
    before = county.state()
    ran = county("publish", letter, missing, *TO_PRIMARY, "--dry-run", status=1)
    assert ran.out == "1 of 2 files would be published; nothing was done.\n"
    assert ran.err == f"{missing}: this is not a file: give the path of a document.\n"
    assert county("publish", letter, *TO_PRIMARY, "--dry-run", "--json").json == {"would_publish": 1, "faults": []}
    assert county.state() == before


def test_a_category_that_nobody_can_read_is_told(county: County, letter: Path) -> None:
    ran = county("publish", letter, "--category", "SEND", "--school", SECONDARY)
    assert f"nobody at {SECONDARY} Example Secondary School can read it" in ran.err


def test_a_document_is_withheld_from_headteachers_only_with_a_reason(county: County, letter: Path) -> None:
    refused = county("publish", letter, *TO_PRIMARY, "--not-headteacher", " ", status=1)
    assert "needs a reason" in refused.err
    assert listed(county) == []
    words = ("--not-headteacher", "a complaint about the headteacher", "--json")
    reference = county("publish", letter, *TO_PRIMARY, *words).json["published"][0]["reference"]
    assert county("document", "show", reference, "--json").json["not_headteacher"] == words[1]


def test_a_name_that_a_terminal_would_obey_is_shown_harmless(county: County, letter: Path) -> None:
    ran = county("publish", letter.with_name("a\x1b[2Jb.txt"), *TO_PRIMARY, status=1)
    assert "\x1b" not in ran.err and "\x1b" not in ran.out


def test_publishing_to_a_home_without_schools_says_how_to_enter_them(county: County, letter: Path) -> None:
    county.execute("ladocs.db", "DELETE FROM membership")
    county.execute("ladocs.db", 'DELETE FROM "grant"')
    county.execute("ladocs.db", "DELETE FROM school")
    line = county("publish", letter, "--category", "SEND", "--all-schools", status=1).line
    assert line == "There is no school yet: enter them with 'ladocs school import'."


def _on_a_terminal(county: County, *arguments: str | Path) -> tuple[Ran, str]:
    """A command of a process of its own, whose standard error is a terminal; and what that showed."""
    parent, child = pty.openpty()
    words = [LADOCS, "--home", county.home, *arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=child, text=True) as process:
        os.close(child)
        shown = b""
        while part := _read(parent):
            shown += part
        out, _ = process.communicate(timeout=30)
    os.close(parent)
    return Ran(process.returncode, out, ""), shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says EIO when the other end of a terminal is closed
        return b""


def test_a_terminal_shows_a_bar_that_moves(county: County, letter: Path) -> None:
    ran, shown = _on_a_terminal(county, "publish", letter, *TO_PRIMARY)
    assert ran.status == 0
    assert "Letter.txt" in shown and "17/17 bytes" in shown and "━" in shown


def test_json_comes_without_a_bar_also_on_a_terminal(county: County, letter: Path) -> None:
    ran, shown = _on_a_terminal(county, "publish", letter, *TO_PRIMARY, "--json")
    assert (len(ran.json["published"]), shown) == (1, "")


def test_no_bar_is_drawn_where_there_is_no_terminal(county: County, letter: Path) -> None:
    assert county("publish", letter, *TO_PRIMARY).err == ""
