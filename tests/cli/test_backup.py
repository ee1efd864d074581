"""`ladocs backup` and `ladocs restore`: what is in a backup, what is not, and the home that comes of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gateway.backup import digest
from gateway.recovery import public_key, seal
from tests.cli.county import INIT, PRIMARY, SECONDARY, County, Ran, ladocs, made, person
from tests.cli.test_serve import _any_port, serving
from tests.cli.test_trace import in_session
from tests.support.postgres import PostgresServer
from tests.support.world import read, tree

__all__ = ["_any_port"]
LETTER = b"Dear headteacher\n"


@pytest.fixture
def recovery(county: County) -> Path:
    """The file in which somebody keeps the private recovery key, offline."""
    county("backup", county.root / "first", "--new-recovery-key", county.root / "recovery.txt")
    return county.root / "recovery.txt"


@pytest.fixture
def backup(county: County, recovery: Path, letter: Path) -> Path:
    """A backup of a county with one letter."""
    county("publish", letter, "--category", "SEND", "--school", PRIMARY)
    county("backup", county.root / "backup")
    return county.root / "backup"


def restored(county: County, backup: Path, recovery: Path, *, status: int = 0) -> tuple[County, Ran]:
    """The county whose home was restored beside the one that was lost."""
    again = County(county.root / "again")
    words = ("restore", backup, "--keys-dir", county.keys, "--recovery-key", recovery)
    return again, again(*words, status=status)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_document_of_before_is_read_in_the_restored_home(county: County, backup: Path, recovery: Path) -> None:
    again, ran = restored(county, backup, recovery)
    assert "Restored, as it was when the backup was made." in ran.err
    seen: list[bytes] = []
    again("clock", "confirm")
    in_session(again, "m.head", lambda fs: seen.extend(read(fs, one) for one in tree(fs) if one.endswith(".txt")))
    assert LETTER in seen
    assert again("audit", "verify", "--json").json["intact"]


def test_init_shows_the_recovery_key_of_its_home_once(tmp_path: Path) -> None:
    ran = ladocs("--home", tmp_path / "home", "init", "--keys-dir", tmp_path / "keys", *INIT, "--json")
    key = tmp_path / "key.txt"
    key.write_text(ran.json["recovery_key"])
    county = County(tmp_path)
    county("backup", tmp_path / "backup")
    restored(county, tmp_path / "backup", key)
    assert not [path for path in files(county.home) if key.read_bytes().rpartition(b"-")[2] in path.read_bytes()]


def test_both_are_recorded(county: County, backup: Path, recovery: Path) -> None:
    again, _ = restored(county, backup, recovery)
    made = again("audit", "list", "--event", "backup:made", "--json").json
    assert [(row["actor"], row["reason"]) for row in made] == [("ada", "new recovery key"), ("ada", "")]
    [row] = again("audit", "list", "--event", "home:restored", "--json").json
    assert row["reason"] == f"from {backup}"


def test_who_left_before_the_backup_stays_out(county: County, recovery: Path) -> None:
    county("account", "leave", "s.senco")
    county("backup", county.root / "backup")
    again, _ = restored(county, county.root / "backup", recovery)
    rows = again("account", "list", "--json").json
    assert {row["username"]: row["state"] for row in rows}["s.senco"] == "left"


def test_sessions_trust_and_links_have_ended(county: County, recovery: Path) -> None:
    county(*person("n.new", "Nora New"), "--school", SECONDARY, "--role", "Office")
    county("account", "invite", "n.new")
    county.execute("ladocs.db", "INSERT INTO page_session VALUES (x'00', 1, 'password', 0, 0)")
    county.execute("ladocs.db", "INSERT INTO trust VALUES (1, '192.0.2.7', 'password', 0, 9000000000000000)")
    county("backup", county.root / "backup")
    again, _ = restored(county, county.root / "backup", recovery)
    rows = json.dumps(again.state()["ladocs.db"])
    assert 'INSERT INTO \\"page_session\\"' not in rows
    assert 'INSERT INTO \\"trust\\"' not in rows
    again.execute("ladocs.db", "CREATE TABLE open_links AS SELECT id FROM link WHERE ended_at IS NULL")
    assert 'INSERT INTO \\"open_links\\"' not in json.dumps(again.state()["ladocs.db"])


def test_a_later_checkpoint_says_that_the_record_was_put_back(county: County, backup: Path, recovery: Path) -> None:
    county("school", "add", "830-2009", "--name", "New")
    later = county.root / "later.txt"
    later.write_text(county("audit", "checkpoint").out)
    again, _ = restored(county, backup, recovery)
    again("clock", "confirm")
    assert not again("audit", "verify", "--against", later, "--json", status=1).json["intact"]


def test_a_changed_byte_in_any_file_is_refused_with_its_name(county: County, backup: Path, recovery: Path) -> None:
    for file in files(backup):
        data = file.read_bytes()
        place = len(data) // 2
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        again, ran = restored(county, backup, recovery, status=1)
        assert file.name == "SHA256SUMS" or str(file.relative_to(backup)) in ran.line
        assert "The backup was changed: " in ran.line
        assert not again.home.exists()
        file.write_bytes(data)


@pytest.mark.parametrize("name", ["record.db", "secrets.sealed"])
def test_a_file_that_is_gone_is_named(county: County, backup: Path, recovery: Path, name: str) -> None:
    (backup / name).unlink()
    assert name in restored(county, backup, recovery, status=1)[1].line


def test_a_file_that_came_to_it_is_named(county: County, backup: Path, recovery: Path) -> None:
    (backup / "store" / "more").write_bytes(b"more")
    assert "store/more" in restored(county, backup, recovery, status=1)[1].line


def test_a_backup_that_did_not_end_is_none(county: County, backup: Path, recovery: Path) -> None:
    (backup / "SHA256SUMS").unlink()
    assert "is no complete backup" in restored(county, backup, recovery, status=2)[1].line


def test_no_byte_of_a_backup_is_a_key_or_a_secret(county: County, backup: Path) -> None:
    with county.services() as services:
        keks = list(services.vault._box.reread().values())
    roots = [path.read_bytes() for path in county.keys.glob("root.*")]
    secrets = [
        path.read_bytes() for path in (county.home / "secrets").iterdir() if not path.name.startswith("tls-certificate")
    ]
    assert len(keks) > 50 and len(roots) == 1 and len(secrets) >= 8
    held = [path.read_bytes() for path in files(backup)]
    assert not [
        data for data in held for secret in [*keks, *roots, *secrets, county.settings.read_bytes()] if secret in data
    ]


def test_secrets_come_back_readable_for_their_owner_alone(county: County, backup: Path, recovery: Path) -> None:
    again, _ = restored(county, backup, recovery)
    was = {path.name: path.read_bytes() for path in (county.home / "secrets").iterdir()}
    assert {path.name: path.read_bytes() for path in (again.home / "secrets").iterdir()} == was
    assert {path.stat().st_mode & 0o777 for path in files(again.home)} == {0o600}


def test_a_folder_with_anything_in_it_is_refused(county: County, backup: Path, recovery: Path) -> None:
    before = {path: path.read_bytes() for path in files(backup)}
    assert "is not empty" in county("backup", backup, status=2).line
    assert {path: path.read_bytes() for path in files(backup)} == before
    again = County(county.root)
    assert (
        "is not empty" in again("restore", backup, "--keys-dir", county.keys, "--recovery-key", recovery, status=2).line
    )


@pytest.mark.parametrize("where", ["home/backup", "keys/backup"])
def test_a_backup_within_the_home_or_the_keys_is_refused(county: County, recovery: Path, where: str) -> None:
    assert "name a place outside it" in county("backup", county.root / where, status=2).line


def test_another_recovery_key_is_refused(county: County, backup: Path) -> None:
    other = county.root / "other.txt"
    county("backup", county.root / "more", "--new-recovery-key", other)
    again, ran = restored(county, backup, other, status=1)
    assert "not sealed to this recovery key" in ran.line
    assert not again.home.exists()


def test_a_sealed_name_that_leads_out_of_the_home_is_refused(county: County, backup: Path, recovery: Path) -> None:
    sealed = backup / "secrets.sealed"
    was = digest(sealed)
    sealed.write_bytes(seal(b'{"../escaped": ""}', public_key(county.home)))
    sums = backup / "SHA256SUMS"
    sums.write_text(sums.read_text().replace(was, digest(sealed)))
    again, ran = restored(county, backup, recovery, status=1)
    assert "the backup is forged" in ran.line
    assert not again.home.exists()
    assert not (county.root / "escaped").exists()


def test_what_is_no_recovery_key_is_refused_and_not_shown(county: County, backup: Path) -> None:
    other = county.root / "other.txt"
    other.write_text("ladocs-recovery-1-abc123")
    line = restored(county, backup, other, status=2)[1].line
    assert "holds no recovery key" in line
    assert "abc123" not in line


def test_a_recovery_key_is_never_written_into_the_home(county: County) -> None:
    words = ("backup", county.root / "more", "--new-recovery-key")
    assert "name a place outside it" in county(*words, county.home / "key.txt", status=2).line


def test_a_home_without_a_recovery_key_is_told_how_to_make_one(county: County) -> None:
    (county.home / "recovery.pub").unlink()
    assert "--new-recovery-key FILE" in county("backup", county.root / "more", status=1).line


def test_an_empty_key_folder_is_refused(county: County, backup: Path, recovery: Path) -> None:
    words = ("restore", backup, "--keys-dir", county.root / "none", "--recovery-key", recovery)
    assert "holds no keys" in County(county.root / "again")(*words, status=2).line


def test_a_home_is_backed_up_while_it_is_served(county: County, recovery: Path, letter: Path) -> None:
    county("clock", "confirm")
    with serving(county) as process:
        county("publish", letter, "--category", "SEND", "--school", PRIMARY)
        assert county("backup", county.root / "backup", "--json").json["documents"] == 1
        process.terminate()
        process.communicate(timeout=60)
    again, _ = restored(county, county.root / "backup", recovery)
    assert again("audit", "verify", "--json").json["intact"]


def test_postgresql_is_dumped_and_put_back(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADOCS_DATABASE__URL", postgres.fresh_database())
    county = made(tmp_path)
    county("backup", tmp_path / "backup", "--new-recovery-key", tmp_path / "key.txt")
    url = postgres.fresh_database()
    address = url.replace("postgresql+psycopg", "postgresql")
    subprocess.run(["pg_restore", f"--dbname={address}", str(tmp_path / "backup/ladocs.dump")], check=True)
    with monkeypatch.context() as patch:
        patch.setenv("LADOCS_DATABASE__URL", url)
        again, _ = restored(county, tmp_path / "backup", tmp_path / "key.txt")
        assert again("audit", "verify", "--json").json["intact"]
    monkeypatch.setenv("PATH", "")
    assert "pg_dump is not installed" in county("backup", tmp_path / "second", status=1).line
    assert not (tmp_path / "second").exists()
