"""Who may give which command [operators]: administrators all, officers publish and read, auditors read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.cli.operators import os_user
from tests.cli.county import ME, PRIMARY, County, person

READING = [
    ("school", "list"),
    ("school", "show", PRIMARY),
    ("account", "list"),
    ("account", "show", "m.head"),
    ("account", "export"),
    ("key", "list", "m.head"),
    ("device", "list", "m.head"),
    ("document", "list"),
    ("audit", "list"),
]
CHANGING = [
    ("school", "add", "830-2009", "--name", "New"),
    ("school", "import", "x.csv"),
    person("tom.new", "Tom"),
    ("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General"),
    ("account", "revoke", "s.senco", "--school", PRIMARY),
    ("account", "revoke", "s.senco", "--trust"),
    ("account", "invite", "--all"),
    ("account", "suspend", "s.senco", "--because", "stolen"),
    ("account", "activate", "s.senco"),
    ("account", "leave", "s.senco"),
    ("account", "hand-over", "nightly", "m.head"),
    ("account", "unlock", "s.senco"),
    ("account", "password-reset", "s.senco"),
    ("account", "totp-reset", "s.senco"),
    ("account", "import", "x.csv"),
    ("key", "add", "s.senco", "x.pub", "--name", "PC"),
    ("key", "remove", "s.senco", "1"),
    ("device", "add", "s.senco", "--name", "PC"),
    ("device", "revoke", "s.senco", "1"),
    ("clock", "confirm"),
]
PUBLISHING = ("publish", "x.txt", "--category", "SEND", "--school", PRIMARY)
FREE = [("audit", "verify"), ("db", "upgrade")]


@pytest.fixture
def inputs(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that would do, were they read."""
    monkeypatch.chdir(county.root)
    Path("x.txt").write_text("letter")
    Path("x.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0mWqRjN6kYCB9z1ZQO0n1Y4sNn1mC6xJk0l5k5k5k5\n")
    Path("x.csv").write_text("URN\n")


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("command", [*READING, *CHANGING, PUBLISHING], ids=" ".join)
def test_a_user_who_is_not_mapped_is_told_what_to_ask_for(county: County, command: tuple[str, ...]) -> None:
    county.change_settings(f'"{ME}" =', '"somebody-else" =')
    before = county.state()
    assert county(*command, status=1).line == (
        f'You ({ME}) may not give commands here: an administrator adds {ME} = "SHORT NAME" under [operators] in'
        " ladocs.toml."
    )
    assert county.state() == before


@pytest.mark.parametrize("command", FREE, ids=" ".join)
def test_proving_and_upgrading_need_no_operator(county: County, command: tuple[str, ...]) -> None:
    county.change_settings(f'"{ME}" =', '"somebody-else" =')
    county(*command)


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("command", CHANGING, ids=" ".join)
@pytest.mark.parametrize("username", ["olive", "audrey"])
def test_what_changes_access_is_for_administrators(county: County, username: str, command: tuple[str, ...]) -> None:
    county.act_as(username)
    before = county.state()
    assert county(*command, status=1).line == f"{username} may not do this: it is for administrator."
    assert county.state() == before


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("username", ["ada", "olive", "audrey"])
def test_everybody_of_the_authority_reads(county: County, username: str, command: tuple[str, ...]) -> None:
    county.change_settings('= "ada"', f'= "{username}"')
    county(*command)


@pytest.mark.usefixtures("inputs")
def test_officers_publish_and_auditors_do_not(county: County) -> None:
    county.act_as("olive")
    county(*PUBLISHING)
    county.change_settings('= "olive"', '= "audrey"')
    assert county(*PUBLISHING, status=1).line == "audrey may not do this: it is for administrator or officer."


@pytest.mark.parametrize("username", ["m.head", "nobody"])
def test_a_user_mapped_to_no_account_of_the_authority_is_refused(county: County, username: str) -> None:
    county.act_as(username)
    assert f"operators.{ME} names {username}, which is no active account of the authority" in (
        county("school", "list", status=1).line
    )


def test_an_operator_whose_account_was_suspended_is_refused(county: County) -> None:
    county.execute("ladocs.db", "UPDATE account SET state = 'suspended' WHERE username = 'ada'")
    assert "no active account of the authority" in county("school", "list", status=1).line


def test_what_an_operator_does_is_recorded_with_the_account_and_the_user(county: County) -> None:
    county("school", "add", "830-2009", "--name", "New")
    entry = county("audit", "list", "--json").json[-1]
    assert (entry["event"], entry["actor"], entry["client"], entry["protocol"], entry["school"]) == (
        "school:changed",
        "ada",
        ME,
        "command",
        "830-2009",
    )


@pytest.mark.usefixtures("inputs")
def test_what_an_officer_publishes_is_recorded_with_the_account_and_the_user(county: County) -> None:
    county.act_as("olive")
    county(*PUBLISHING)
    entry = county("audit", "list", "--json").json[-1]
    assert (entry["event"], entry["actor"], entry["client"], entry["protocol"]) == (
        "document:published",
        "olive",
        ME,
        "command",
    )


def test_behind_sudo_the_person_acts_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert os_user({"SUDO_USER": "mary"}) == "mary"
    assert os_user({"SUDO_USER": ""}) == ME


def test_only_root_is_believed_about_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert os_user({"SUDO_USER": "mary"}) == ME


def test_behind_sudo_the_persons_own_rights_hold(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "mary")
    assert 'You (mary) may not give commands here: an administrator adds mary = "SHORT NAME"' in (
        county("school", "list", status=1).line
    )
    county.change_settings(f'"{ME}" =', 'mary = "olive"\n"' + ME + '" =')
    county("school", "list")
