"""`ladocs audit list | verify | checkpoint`."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from config.clock import SystemClock, london_date
from tests.cli.county import PRIMARY, SECONDARY, County

ROW = [
    *("seq", "at", "event", "result", "actor", "school", "from", "client", "protocol", "session", "object", "id"),
    *("ranges", "reason", "count"),
]
VERIFIED = ["intact", "fault", "batches", "records", "pruned", "head", "checkpoints", "refused", "gaps"]


def test_records_are_listed_the_newest_last(county: County) -> None:
    rows = county("audit", "list", "--json").json
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert list(rows[0]) == ROW
    assert (rows[0]["event"], rows[0]["reason"], rows[-1]["reason"]) == (
        "account:changed",
        "first administrator",
        "activated",
    )


def test_the_table_has_a_line_for_each_record(county: County) -> None:
    rows = county("audit", "list", "--limit", "3", "--json").json
    lines = [line.split()[0] for line in county("audit", "list", "--limit", "3").out.splitlines() if ":" in line]
    assert lines == [str(row["seq"]) for row in rows]


def test_records_are_chosen_by_event_account_school_and_document(county: County, letter: Path) -> None:
    published = county("publish", letter, "--category", "SEND", "--all-schools", "--json").json["published"]
    reference = published[0]["reference"]

    def events(*arguments: str) -> set[tuple[str, str | None]]:
        rows = county("audit", "list", "--json", *arguments).json
        return {(row["event"], row["school"]) for row in rows}

    assert events("--event", "document:published") == {
        ("document:published", PRIMARY),
        ("document:published", SECONDARY),
    }
    assert events("--reference", reference.lower()) == events("--event", "document:published")
    assert events("--event", "document:published", "--school", SECONDARY) == {("document:published", SECONDARY)}
    assert events("--account", "ada") > events("--reference", reference)
    assert events("--account", "olive", "--event", "document:published") == set()
    assert ("terms:accepted", None) in events("--account", "olive")


def test_records_are_chosen_by_days_in_derbyshire(county: County) -> None:
    today = london_date(SystemClock().now())
    yesterday = (today - timedelta(days=1)).isoformat()
    everything = len(county("audit", "list", "--json").json)
    assert len(county("audit", "list", "--json", "--since", yesterday).json) == everything
    assert county("audit", "list", "--json", "--until", (today - timedelta(days=2)).isoformat()).json == []
    assert county("audit", "list", "--since", (today + timedelta(days=1)).isoformat()).out == "No record fits.\n"


def test_a_record_that_is_whole_verifies(county: County) -> None:
    said = county("audit", "verify", "--json").json
    assert list(said) == VERIFIED
    assert (said["intact"], said["fault"], said["gaps"]) == (True, None, [])
    assert said["records"] == len(county("audit", "list", "--json").json)
    assert re.match("intact +yes\n", county("audit", "verify").out)


def test_verifying_changes_nothing(county: County) -> None:
    before = county.state()
    county("audit", "verify")
    assert county.state() == before


def test_one_changed_byte_is_found(county: County) -> None:
    county.execute("record.db", "DROP TRIGGER audit_record_update")
    changed = "CAST(replace(CAST(payload AS TEXT), 'permit', 'permiT') AS BLOB)"
    county.execute("record.db", f"UPDATE audit_record SET payload = {changed} WHERE seq = 5")
    said = county("audit", "verify", "--json", status=1).json
    assert (said["intact"], said["fault"]) == (False, "record 5 (batch 2): a record was changed")
    shown = county("audit", "verify", status=1)
    assert re.match("intact +no\n", shown.out) and "a record was changed" in shown.out


def test_a_record_taken_out_is_found(county: County) -> None:
    county.execute("record.db", "DROP TRIGGER audit_record_delete")
    county.execute("record.db", "DELETE FROM audit_record WHERE seq = 5")
    assert "a record is missing" in county("audit", "verify", status=1).out


def test_the_record_verifies_where_the_main_database_is_gone(county: County) -> None:
    for file in county.home.glob("ladocs.db*"):
        file.unlink()
    county("audit", "verify")


@pytest.fixture
def outside(county: County, tmp_path: Path) -> Path:
    """A file away from the home that holds a checkpoint of it; afterwards the record has grown."""
    file = tmp_path / "noted.txt"
    file.write_text(county("audit", "checkpoint").out)
    county("school", "add", "830-2009", "--name", "New")
    return file


def cut_the_tail(county: County, first: int) -> None:
    for table, column in (("audit_record", "batch"), ("audit_batch", "b")):
        county.execute("record.db", f"DROP TRIGGER {table}_delete")
        county.execute("record.db", f"DELETE FROM {table} WHERE {column} >= {first}")


def test_a_checkpoint_is_a_line_that_the_record_is_held_against(county: County, outside: Path) -> None:
    assert outside.read_text().startswith("ladocs-checkpoint/1 origin=")
    said = county("audit", "verify", "--against", outside, "--json").json
    assert (said["intact"], said["checkpoints"]) == (True, {"kept": 0, "from_outside": 1, "refused": 0})


def test_the_public_key_is_printed_with_the_name_that_stands_in_checkpoints(county: County, outside: Path) -> None:
    name, key = county("audit", "checkpoint", "--public-key").out.split()
    assert f" key={name} " in outside.read_text()
    assert len(bytes.fromhex(key)) == 32


def test_a_tail_cut_off_is_found_by_a_checkpoint_from_outside(county: County, outside: Path) -> None:
    last = county("audit", "verify", "--json").json["batches"]
    cut_the_tail(county, last - 1)
    assert county("audit", "verify", "--json").json["intact"]
    said = county("audit", "verify", "--against", outside, "--json", status=1).json
    assert said["refused"] == [f"{outside}, line 1: the record has no batch {last - 1}: it ends before this checkpoint"]
    assert "ends before a head that was remembered" in said["fault"]


def test_a_checkpoint_that_was_changed_is_refused_with_what_differs(county: County, outside: Path) -> None:
    changed = re.sub(r"records=(\d+)", lambda found: f"records={int(found[1]) + 1}", outside.read_text())
    outside.write_text(changed)
    said = county("audit", "verify", "--against", outside, "--json", status=1).json
    assert (said["intact"], said["fault"]) == (False, None)
    [refused] = said["refused"]
    assert "its signature does not hold; it says " in refused and "the record has" in refused


def test_a_checkpoint_of_another_home_is_refused(county: County, outside: Path) -> None:
    key = next((county.home / "secrets").glob("record-signing.*"))
    key.write_bytes(bytes(32))
    [refused] = county("audit", "verify", "--against", outside, "--json", status=1).json["refused"]
    assert "signed by a key that is not this home's" in refused


def test_a_checkpoint_of_the_home_itself_is_held_against_its_record(county: County, outside: Path) -> None:
    (county.home / "checkpoints").mkdir()
    kept = county.home / "checkpoints" / "2026-11-25.txt"
    kept.write_text(outside.read_text())
    assert county("audit", "verify", "--json").json["checkpoints"]["kept"] == 1
    cut_the_tail(county, county("audit", "verify", "--json").json["batches"] - 1)
    assert str(kept) in county("audit", "verify", status=1).out


def test_a_record_that_was_cut_is_not_signed(county: County, outside: Path) -> None:
    (county.home / "checkpoints").mkdir()
    (county.home / "checkpoints" / "2026-11-25.txt").write_text(outside.read_text())
    cut_the_tail(county, county("audit", "verify", "--json").json["batches"] - 1)
    line = county("audit", "checkpoint", status=1).line
    assert line.startswith("Nothing was signed: the record does not continue the last one")


def test_asking_for_a_checkpoint_changes_nothing(county: County) -> None:
    before = county.state()
    county("audit", "checkpoint")
    assert county.state() == before


def test_a_file_of_checkpoints_that_is_missing_is_said_in_one_line(county: County, tmp_path: Path) -> None:
    missing = tmp_path / "none.txt"
    assert county("audit", "verify", "--against", missing, status=1).line == (
        f"{missing}: No such file or directory: check it and try again."
    )
