"""`ladocs audit list | verify`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from config.clock import SystemClock, london_date
from tests.cli.county import PRIMARY, SECONDARY, County

ROW = [
    *("seq", "at", "event", "result", "actor", "school", "from", "client", "protocol", "session", "object", "id"),
    *("ranges", "reason", "count"),
]
VERIFIED = ["intact", "fault", "batches", "records", "head", "gaps"]


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
    assert county("audit", "verify").out.startswith("intact   yes\n")


def test_verifying_changes_nothing(county: County) -> None:
    before = county.state()
    county("audit", "verify")
    assert county.state() == before


def test_one_changed_byte_is_found(county: County) -> None:
    county.execute("record.db", "DROP TRIGGER audit_record_update")
    changed = "CAST(replace(CAST(payload AS TEXT), 'permit', 'permiT') AS BLOB)"
    county.execute("record.db", f"UPDATE audit_record SET payload = {changed} WHERE seq = 4")
    said = county("audit", "verify", "--json", status=1).json
    assert (said["intact"], said["fault"]) == (False, "record 4 (batch 2): a record was changed")
    shown = county("audit", "verify", status=1)
    assert "intact   no" in shown.out and "a record was changed" in shown.out


def test_a_record_taken_out_is_found(county: County) -> None:
    county.execute("record.db", "DROP TRIGGER audit_record_delete")
    county.execute("record.db", "DELETE FROM audit_record WHERE seq = 5")
    assert "a record is missing" in county("audit", "verify", status=1).out


def test_the_record_verifies_where_the_main_database_is_gone(county: County) -> None:
    for file in county.home.glob("ladocs.db*"):
        file.unlink()
    county("audit", "verify")
