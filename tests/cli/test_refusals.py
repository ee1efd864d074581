"""Whatever a command refuses is one line that says what to do, with the right exit status, and nothing has changed."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from config.clock import SystemClock
from tests.cli.county import PRIMARY, SECONDARY, County, ladocs, person

DAYS = {
    "yesterday": str((SystemClock().now() - timedelta(days=2)).date()),
    "next-year": str((SystemClock().now() + timedelta(days=365)).date()),
    "in-two-years": str((SystemClock().now() + timedelta(days=730)).date()),
}
TOM = " ".join(person("tom.new", "Tom"))

# The command, its exit status, and words of its line.
REFUSED = [
    # usage: nothing could begin
    ("nonsense", 2, "No such command 'nonsense': see 'ladocs --help'"),
    ("school nonsense", 2, "see 'ladocs school --help'"),
    ("school add", 2, "Missing argument 'DFE': see 'ladocs school add --help'"),
    ("school add 830-2009", 2, "Missing option '--name'"),
    ("school list --colour", 2, "No such option"),
    ("account add tom", 2, "Missing option '--name'"),
    ("account add tom.new --name Tom", 2, "give --email"),
    (f"{TOM} --school 830-2001", 2, "Somebody of a school has a role there: give --role, like SENCO"),
    (f"{TOM} --school 830-2001 --category SEND", 2, "Somebody of a school has a role there"),
    (f"{TOM} --role SENCO", 2, "give --school, like 830-2001"),
    (f"{TOM} --category SEND", 2, "give --school, like 830-2001"),
    (f"{TOM} --school 830-2001 --role Caretaker", 2, "'Caretaker' is not one of 'headteacher', 'senco'"),
    (f"{TOM} --staff chief", 2, "'chief' is not one of 'officer', 'administrator', 'auditor'"),
    (f"{TOM} --layout flat", 2, "'flat' is not one of 'single', 'by-school'"),
    (f"{TOM} --network 192.0.2.0/24", 2, "--network does not go with a person"),
    (f"{TOM} --until next-year", 2, "--until does not go with a person"),
    ("account add copy --name Copy --service m.head --email a@b.example", 2, "--email does not go with --service"),
    ("account add copy --name Copy --service m.head --layout single", 2, "--layout does not go with --service"),
    ("account add copy --name Copy --service m.head --until 31.7.2027", 2, "write it like 2027-07-31"),
    ("account grant s.senco --school 830-2001", 2, "Say what to grant: --role, --category, --acting or --layout"),
    ("account grant s.senco --school 830-2001 --layout single --until next-year", 2, "--until and --because go with"),
    ("account grant s.senco --school 830-2001 --acting --until next-year", 2, "to a day and for a reason"),
    ("account grant s.senco --school 830-2001 --acting --because ill", 2, "to a day and for a reason"),
    (
        "account grant s.senco --school 830-2001 --acting --role DSL --until next-year --because ill",
        2,
        "give --acting --until DAY --because REASON alone",
    ),
    ("account grant s.senco --school 830-2001 --role Headteacher --until next-year", 1, "give --acting"),
    ("account grant s.senco --school 830-2001 --acting --until yesterday --because ill", 1, "give a later day"),
    ("account grant m.head --school 830-2001 --acting --until next-year --because ill", 1, "is the headteacher of"),
    ("account revoke s.senco --school 830-2001 --acting", 1, "s.senco does not stand in for the headteacher"),
    ("account revoke s.senco --school 830-2001 --acting --category SEND", 2, "Say what to end"),
    ("key remove m.head one", 2, "'one' is not a valid integer"),
    ("publish x.txt --school 830-2001", 2, "Missing option '--category'"),
    ("publish x.txt --category SEND", 2, "Say to whom: --school 830-2001 (repeatable), or --all-schools"),
    ("publish x.txt --category SEND --school 830-2001 --all-schools", 2, "Say to whom"),
    ("document list --month 2026-13", 2, "'2026-13' is no month: write it like 2026-11"),
    ("document list --month November", 2, "'November' is no month: write it like 2026-11"),
    ("document list --limit 0", 2, "--limit"),
    ("audit list --event reading", 2, "'reading' is not one of"),
    ("audit list --since today", 2, "'today' is no day: write it like 2027-07-31"),
    # refused: an act was asked for
    ("school add 83020 --name X", 1, "'83020' is not a DfE number: write it like 830-2001"),
    ("school network 830-2001", 2, "Say which network: --add 192.0.2.0/24"),
    ("school network 830-2001 --add office", 1, "'office' is not a network"),
    ("school network 830-2001 --add 10.0.0.0/8", 1, "10.0.0.0/8 is wider than a school: /16 is the widest"),
    ("school network 830-2001 --remove 192.0.2.0/24", 1, "192.0.2.0/24 is no network of this school"),
    ("school add 830-2009 --name ' '", 1, "A school needs a name"),
    ("school add 830-2001 --name X", 1, "School 830-2001 (Example Primary School) has this number already"),
    (
        "school add 830-2009 --name X --urn 112501",
        1,
        "School 830-2001 (Example Primary School) has this number already",
    ),
    ("school add 830-2009 --name X --urn ABC", 1, "'ABC' is not a URN: it has five to seven digits, like 112501"),
    ("school show 830-9999", 1, "No school has the number '830-9999': see 'ladocs school list'"),
    ("school import nowhere.csv", 1, "nowhere.csv cannot be read (No such file or directory): check the path"),
    ("account show nobody", 1, "No account is called 'nobody': see 'ladocs account list'"),
    ("account list --school 830-9999", 1, "see 'ladocs school list'"),
    ("account add m.head --name Tom --email tom@primary.example", 1, "m.head was given before (active)"),
    ("account add Tom! --name Tom --email tom@primary.example", 1, "'Tom!' is not a short name: use 3 to 32 of a-z"),
    ("account add tom --name Tom --email m.head@primary.example", 1, "belongs to the account m.head (active)"),
    ("account add tom --name Tom --email tom", 1, "write it as name.surname@school.example"),
    ("account add tom --name Tom --email office@primary.example", 1, "--accept-because"),
    ("account add tom --name Tom --email tom@gmail.com", 1, "--accept-because"),
    (f"{TOM} --school 830-9999 --role SENCO", 1, "see 'ladocs school list'"),
    (f"{TOM} --school 830-2001 --role SENCO --category Sport", 1, "there are EHSG Report Confidential, General, SEND"),
    (f"{TOM} --school 830-2001 --role Headteacher", 1, "has a headteacher already (m.head): end that role first"),
    (f"{TOM} --school 830-2001 --role SENCO --staff officer", 2, "belongs to no school"),
    ("account add copy --name Copy --service m.head", 1, "is bound to networks"),
    ("account add copy --name Copy --service nobody --network 192.0.2.0/24", 1, "No account is called 'nobody'"),
    ("account add copy --name Copy --service m.head --network everywhere", 1, "write it as 192.0.2.0/24"),
    ("account add copy --name Copy --service m.head --network 0.0.0.0/0", 1, "is everywhere"),
    (
        "account add copy --name Copy --service m.head --network 192.0.2.0/24 --until in-two-years",
        1,
        "must end within 400 days",
    ),
    ("account grant m.head --school 830-4003 --category SEND", 1, "give it a role there first (--role)"),
    ("account grant m.head --school 830-4003 --role Governor", 1, "give --layout by-school"),
    ("account grant s.senco --school 830-2001 --category SEND --until yesterday", 1, "give a later day"),
    ("account grant s.senco --school 830-2001 --role Headteacher", 1, "has a headteacher already"),
    ("account revoke s.senco --school 830-4003", 1, "s.senco does not belong to 830-4003"),
    ("account revoke s.senco --school 830-2001 --category General", 1, "has no grant of General in 830-2001"),
    ("account revoke m.head --school 830-2001 --category SEND", 1, "(a headteacher holds all): nothing was ended"),
    ("account totp-reset nobody", 1, "No account is called 'nobody'"),
    ("key add m.head nowhere.pub --name PC", 1, "cannot be read (No such file or directory)"),
    ("key list nobody", 1, "No account is called 'nobody'"),
    ("key remove m.head 7", 1, "This account has no live key 7: see 'ladocs key list'"),
    ("device add nobody --name PC", 1, "No account is called 'nobody'"),
    ("device add ada --name PC", 1, "Accounts of the authority have no drive"),
    ("device add m.head --name ' '", 1, "carries the name of its device"),
    ("device add m.head --name PC --until in-two-years", 1, "ends within 400 days"),
    ("device add m.head --name PC --until yesterday", 1, "ends within 400 days"),
    ("device add m.head --name PC --network everywhere", 1, "write it as 192.0.2.0/24"),
    ("device revoke m.head 7", 1, "no live device password 7: see 'ladocs device list'"),
    ("publish x.txt --category Sport --school 830-2001", 1, "there are EHSG Report Confidential, General, SEND"),
    ("publish x.txt --category SEND --school 830-9999", 1, "see 'ladocs school list'"),
    ("publish x.txt --category SEND --school 830-2001 --person nobody", 1, "No account is called 'nobody'"),
    ("document list --school 830-9999", 1, "see 'ladocs school list'"),
    ("document list --category Sport", 1, "there are EHSG Report Confidential, General, SEND"),
    ("document show D-0000-00", 1, "No document has the reference 'D-0000-00': see 'ladocs document list'"),
    ("audit list --account nobody", 1, "No account is called 'nobody'"),
    ("audit list --school 830-9999", 1, "see 'ladocs school list'"),
]


@pytest.mark.parametrize(("command", "status", "words"), REFUSED, ids=[command for command, _, _ in REFUSED])
def test_a_refusal_is_one_line_with_the_mend_and_changes_nothing(
    county: County, monkeypatch: pytest.MonkeyPatch, command: str, status: int, words: str
) -> None:
    monkeypatch.chdir(county.root)
    before = county.state()
    assert words in county(*(DAYS.get(word, word) for word in shlex.split(command)), status=status).line
    assert county.state() == before


@pytest.mark.parametrize("group", [(), ("school",), ("account",)])
def test_a_group_without_a_command_shows_its_help_and_fails(group: tuple[str, ...]) -> None:
    ran = ladocs(*group)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Usage: ladocs") and "Commands:" in ran.err


def test_what_was_typed_does_not_move_the_terminal_when_it_comes_back(county: County) -> None:
    line = county("school", "show", "\x1b[2J830\u202e", status=1).line
    assert line == "No school has the number '\ufffd[2J830\ufffd': see 'ladocs school list'."


def test_a_command_without_a_home_says_how_to_name_one() -> None:
    ran = ladocs("school", "list")
    assert (ran.status, ran.line) == (2, "Say which home: give --home DIR or set LADOCS_HOME.")


def test_a_home_is_named_before_the_command_after_it_or_by_the_environment(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = county("school", "list").out
    assert ladocs("school", "list", "--home", county.home).out == said
    monkeypatch.setenv("LADOCS_HOME", str(county.home))
    assert ladocs("school", "list").out == said


def test_a_relative_home_is_found_from_where_one_stands(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(county.root)
    assert ladocs("--home", Path("home"), "school", "show", PRIMARY, "--json").json["dfe"] == PRIMARY


def test_two_roles_in_two_schools_need_a_folder_each_until_one_is_left(county: County) -> None:
    county("account", "grant", "s.senco", "--school", SECONDARY, "--role", "SENCO", "--layout", "by-school")
    line = county("account", "grant", "s.senco", "--school", PRIMARY, "--layout", "single", status=1).line
    assert "s.senco has 2 schools, which need a folder each: revoke the others first" in line
    county("account", "revoke", "s.senco", "--school", SECONDARY)
    county("account", "grant", "s.senco", "--school", PRIMARY, "--layout", "single")
    assert county("account", "show", "s.senco", "--json").json["layout"] == "single"
