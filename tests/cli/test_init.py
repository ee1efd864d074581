"""`ladocs init`: a home for real, or nothing at all."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.models import TotpUse
from auth.totp import code_at
from config.clock import SystemClock
from tests.cli.county import INIT, LADOCS, ME, Ran, ladocs
from tests.support.databases import opened
from tests.support.terminal import Terminal


def program(root: Path) -> list[str | Path]:
    return [LADOCS, "init", "--home", root / "home", "--keys-dir", root / "keys", *INIT]


def init(root: Path, *arguments: str | Path, keys: bool = True) -> Ran:
    words = ("--keys-dir", root / "keys") if keys else ()
    return ladocs("init", "--home", root / "home", *words, *INIT, *arguments)


def test_a_home_is_made_with_its_first_administrator(tmp_path: Path) -> None:
    ran = init(tmp_path, "--json")
    shown = {"username", "password", "totp_secret", "totp_uri", "recovery_codes", "recovery_key"}
    assert (ran.status, ran.json.keys(), len(ran.json["recovery_codes"])) == (0, shown, 10)
    [account] = ladocs("account", "list", "--json", "--home", tmp_path / "home").json
    assert (account["username"], account["staff"]) == ("ada", ["administrator", "officer"])
    assert ran.err == (
        f"{tmp_path / 'home'} is ready: enter schools ('ladocs school import'), then people, then 'ladocs serve'.\n"
    )


def test_at_a_terminal_a_code_confirms_that_the_authenticator_works(tmp_path: Path) -> None:
    with Terminal(*program(tmp_path)) as terminal:
        terminal.read_until("six digits of your authenticator: ")
        terminal.type("12345")
        terminal.read_until("six digits of your authenticator: ")
        [secret] = re.findall(r"codes +([A-Z2-7 ]+?)\r", terminal.seen)
        terminal.type(code_at(secret.replace(" ", ""), SystemClock().now()))
        assert terminal.status() == 0
    assert "Not right: it is " in terminal.seen
    assert "Right: the authenticator is set up." in terminal.seen


def test_the_confirming_code_is_used_up(tmp_path: Path) -> None:
    with Terminal(*program(tmp_path)) as terminal:
        terminal.read_until("six digits of your authenticator: ")
        [secret] = re.findall(r"codes +([A-Z2-7 ]+?)\r", terminal.seen)
        terminal.type(code_at(secret.replace(" ", ""), SystemClock().now()))
        assert terminal.status() == 0
    with opened(f"sqlite:///{tmp_path}/home/ladocs.db") as database, database.read() as connection:
        assert len(connection.execute(select(TotpUse)).all()) == 1


def test_the_settings_file_holds_the_answers_and_maps_whoever_ran_it(tmp_path: Path) -> None:
    init(tmp_path, "--service", 'The "County" Documents', "--host", "192.0.2.1", "--support-hours", "9 to 5")
    settings = tomllib.loads((tmp_path / "home/ladocs.toml").read_text())
    assert settings["service"]["name"] == 'The "County" Documents'
    assert settings["support"]["hours"] == "9 to 5"
    assert settings["serve"] == {"sftp_host": "192.0.2.1", "https_host": "192.0.2.1"}
    assert settings["keys"]["dir"] == str(tmp_path / "keys")
    assert settings["operators"] == {ME: "ada"}


def test_a_home_and_its_keys_are_their_owners_alone(tmp_path: Path) -> None:
    init(tmp_path)
    for path in (tmp_path / "home", tmp_path / "keys", *(tmp_path / "keys").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_keys_lie_in_the_home_only_where_the_risk_is_accepted(tmp_path: Path) -> None:
    ran = init(tmp_path, "--keys-in-home", keys=False)
    assert ran.status == 0
    assert "Leave HOME/keys out of every backup and snapshot." in ran.err
    assert (tmp_path / "home/keys/root.1").is_file()
    assert tomllib.loads((tmp_path / "home/ladocs.toml").read_text())["keys"]["dir"] == "keys"


@pytest.mark.parametrize("keys", ["home", "home/keys", "home/../home/keys", "."])
def test_a_key_folder_in_or_around_the_home_is_refused(tmp_path: Path, keys: str) -> None:
    ran = init(tmp_path, "--keys-dir", tmp_path / keys, keys=False)
    assert (ran.status, list(tmp_path.iterdir())) == (2, [])
    assert "give a --keys-dir outside the home, or accept the risk with --keys-in-home" in ran.line


@pytest.mark.parametrize("arguments", [(), ("--keys-dir", "k", "--keys-in-home")])
def test_where_the_keys_lie_is_said_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = init(tmp_path, *arguments, keys=False)
    assert (ran.status, list(tmp_path.iterdir())) == (2, [])
    assert "Say where the vault's keys lie: --keys-dir DIR" in ran.line


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--email", "office@derbyshire.example"), 1, "is a mailbox of a role"),
        (("--username", "A"), 1, "'A' is not a short name"),
        (("--name", " "), 1, "carries the name of a person"),
        (("--support-mail", "web"), 2, "support.mail"),
        (("--support-name", ""), 2, "support.name is empty"),
        (("--service", " "), 2, "service.name is empty"),
    ],
)
def test_what_fails_leaves_nothing_behind(tmp_path: Path, arguments: tuple[str, ...], status: int, words: str) -> None:
    ran = init(tmp_path, *arguments)
    assert (ran.status, list(tmp_path.iterdir())) == (status, [])
    assert words in ran.line


def test_what_fails_empties_the_volumes_that_were_there(tmp_path: Path) -> None:
    for name in ("home", "keys"):
        (tmp_path / name).mkdir()
    assert init(tmp_path, "--email", "office@derbyshire.example").status == 1
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == [Path("home"), Path("keys")]


def test_a_home_that_exists_is_not_touched(tmp_path: Path) -> None:
    init(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ran = ladocs("init", "--home", tmp_path / "home", "--keys-dir", tmp_path / "other", *INIT)
    assert (ran.status, ran.line) == (
        2,
        f"{tmp_path / 'home'} is not empty: name a folder that is, or one that does not exist.",
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("taken", ["home", "keys"])
def test_a_folder_that_holds_anything_is_not_used(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).mkdir()
    (tmp_path / taken / "letter.txt").write_text("mine")
    ran = init(tmp_path)
    assert (ran.status, [path.name for path in tmp_path.rglob("*")]) == (2, [taken, "letter.txt"])
    assert "is not empty" in ran.line


def test_behind_sudo_the_person_becomes_the_administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "mary")
    init(tmp_path)
    assert tomllib.loads((tmp_path / "home/ladocs.toml").read_text())["operators"] == {"mary": "ada"}
