"""`ladocs report person`: everything that is held about somebody, and nothing that would let anybody in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auth.models import Account
from config.database import Base
from gateway import dossier
from tests.cli.county import PRIMARY, County
from tests.cli.test_trace import in_session
from tests.support.world import read, tree

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ somebody"


def about(county: County, name: str = "s.senco") -> Any:
    return county("report", "person", name, "--json").json


def test_every_column_that_names_an_account_is_told_or_left_out_by_name() -> None:
    naming = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(key.column.table.name == Account.__tablename__ for key in column.foreign_keys)
    }
    told = {str(column) for part in dossier.PARTS.values() for column in map(_in_table, part.whose)}
    assert told.isdisjoint(dossier.LEFT_OUT)
    assert naming == (told - {"account.id"}) | set(dossier.LEFT_OUT)


def _in_table(column: dossier.Column) -> str:
    return f"{column.class_.__tablename__}.{column.key}"


def test_a_person_is_told_account_role_and_categories_with_by_whom_and_why(county: County) -> None:
    grant = ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    county(*grant, "--until", "2027-07-31", "--because", "covers for the office")
    said = about(county, "s.senco@primary.example")
    [account] = said["account"]
    assert (account["username"], account["name"], account["state"]) == ("s.senco", "Sam Senco", "active")
    assert [(row["school"], row["role"], row["given_by"]) for row in said["roles"]] == [(PRIMARY, "SENCO", "ada")]
    [given] = [row for row in said["categories"] if row["category"] == "General"]
    assert (given["given_by"], given["because"], given["revoked_at"]) == ("ada", "covers for the office", None)


def test_what_was_taken_away_stands_there_with_its_end(county: County) -> None:
    county("account", "revoke", "s.senco", "--school", PRIMARY, "--category", "SEND")
    [category] = about(county)["categories"]
    assert category["revoked_at"] is not None


def test_sign_ins_reads_and_refusals_are_told(county: County, letter: Path) -> None:
    published = county("publish", letter, "--category", "SEND", "--school", PRIMARY, "--json").json["published"]
    in_session(county, "s.senco", lambda fs: [read(fs, one) for one in tree(fs) if one.endswith(letter.name)])
    said = about(county)
    assert [row["reference"] for row in said["read"]] == [published[0]["reference"]]
    assert said["listed"]
    assert "auth:sign-in" in {row["event"] for row in said["sign_ins"]}
    assert letter.name not in json.dumps(said)


def test_what_was_done_to_an_account_is_told_apart_from_what_it_did(county: County) -> None:
    county("account", "suspend", "s.senco", "--because", "laptop stolen")
    assert "suspended: laptop stolen" in {row["reason"] for row in about(county)["done_to_the_account"]}
    assert "account:s.senco" in {row["object"] for row in about(county, "ada")["done_by_the_account"]}


def test_no_password_key_or_hash_is_told(county: County, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(f"{KEY}\n")
    county("key", "add", "s.senco", key, "--name", "Office PC")
    password = county("device", "add", "s.senco", "--name", "Drive", "--json").json["device_password"]
    said = about(county)
    assert [row["name"] for row in said["keys"]] == ["Office PC"]
    assert [row["name"] for row in said["device_passwords"]] == ["Drive"]
    words = json.dumps(said)
    assert password not in words
    assert KEY.split()[1] not in words
    shown = {str(column) for part in dossier.PARTS.values() for column in part.shown.values()}
    assert not {one for one in shown if one.endswith((".hash", ".totp_sealed", ".totp_pending", ".password_hash"))}


def test_somebody_who_has_left_is_told_all_the_same(county: County) -> None:
    county("account", "leave", "s.senco")
    said = about(county)
    assert said["account"][0]["state"] == "left"
    assert said["roles"][0]["ended_at"] is not None


def test_that_it_was_printed_is_recorded_before_it_is(county: County) -> None:
    said = about(county)
    [entry] = county("audit", "list", "--event", "person:exported", "--json").json
    assert (entry["actor"], entry["object"]) == ("ada", "account:s.senco")
    assert said["done_to_the_account"][-1]["event"] == "person:exported"


def test_what_is_past_reading_is_counted(county: County) -> None:
    county.execute("record.db", "DROP TRIGGER audit_record_update")
    county.execute("record.db", "UPDATE audit_record SET payload = NULL, salt = NULL WHERE seq <= 3")
    assert about(county)["unreadable"] == 3
    assert "3 records cannot be read" in county("report", "person", "s.senco").err


def test_people_are_shown_a_table_for_each_part_and_what_is_not_held(county: County) -> None:
    out = county("report", "person", "s.senco").out
    assert out.index("Sam Senco") < out.index("Roles:") < out.index("Categories:")
    assert "scripts owned" in out[out.index("Nothing is held of:") :]


def test_an_officer_may_not_ask(county: County) -> None:
    county.act_as("olive")
    county("report", "person", "s.senco", status=1)


def test_an_auditor_may_ask(county: County) -> None:
    county.act_as("audrey")
    assert about(county)["account"][0]["username"] == "s.senco"


@pytest.mark.parametrize("name", ["nobody", "nobody@primary.example"])
def test_somebody_who_is_unknown_is_said_to_be(county: County, name: str) -> None:
    assert county("report", "person", name, status=1).line == (
        f"No account is called '{name}': see 'ladocs account list'."
    )
