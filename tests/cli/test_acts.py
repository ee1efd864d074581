"""`ladocs account invite | activate | suspend | leave | hand-over | unlock | password-reset | totp-reset`."""

from __future__ import annotations

import shlex
from datetime import timedelta

import pytest

from config.clock import SystemClock, london_date
from tests.cli.county import PRIMARY, SECONDARY, County, person

SCRIPT = ("account", "add", "nightly", "--name", "Nightly copy", "--service", "m.head", "--network", "192.0.2.7")
IN_TWO_WEEKS = london_date(SystemClock().now() + timedelta(days=14)).isoformat()


def invited(county: County, *names: str) -> None:
    """People who were entered, and their invitations lost."""
    for name in names:
        county(*person(name, name.title()), "--school", PRIMARY, "--role", "Office")
    county.execute("ladocs.db", "DELETE FROM mail")


def state(county: County, username: str) -> str:
    return str(county("account", "show", username, "--json").json["state"])


# Invitations


def test_whoever_has_no_invitation_is_invited_in_batches(county: County) -> None:
    invited(county, "a.one", "b.two", "c.three")
    first = county("account", "invite", "--all", "--limit", "2", "--json")
    assert [row["username"] for row in first.json] == ["a.one", "b.two"]
    assert first.err == "2 invitations will be mailed by 'ladocs serve'. 1 more wait: give the command again.\n"
    assert [row["username"] for row in county("account", "invite", "--all", "--limit", "2", "--json").json] == [
        "c.three"
    ]
    nobody = county("account", "invite", "--all")
    assert (nobody.out, nobody.err) == ("Nobody waits for an invitation.\n", "")
    assert len(county.mails()) == 3


def test_an_invitation_is_mailed_again_where_that_is_said(county: County) -> None:
    invited(county, "a.one")
    for words in (("--all",), ("--all", "--again"), ("a.one",), ("--school", PRIMARY, "--again")):
        assert len(county("account", "invite", *words, "--json").json) == 1
    assert county.mails() == [("invitation", "a.one@primary.example")]


def test_an_invitation_that_ran_out_is_mailed_again_by_itself(county: County) -> None:
    invited(county, "a.one")
    county("account", "invite", "--all")
    county.execute("ladocs.db", "UPDATE mail SET created_at = created_at - 15 * 86400000000")
    assert len(county("account", "invite", "--all", "--json").json) == 1


def test_a_school_is_invited_alone(county: County) -> None:
    invited(county, "a.one")
    county(*person("b.other", "B"), "--school", SECONDARY, "--role", "Office")
    assert [row["username"] for row in county("account", "invite", "--school", PRIMARY, "--json").json] == ["a.one"]


@pytest.mark.parametrize("words", [(), ("--all", "--school", PRIMARY), ("m.head", "--all")], ids=" ".join)
def test_whom_to_invite_is_said_in_one_way(county: County, words: tuple[str, ...]) -> None:
    assert (
        "Say whom to invite: short names, --school DFE or --all" in county("account", "invite", *words, status=2).line
    )


def test_who_is_active_is_not_invited_and_nobody_else_then_is(county: County) -> None:
    invited(county, "a.one")
    before = county.state()
    assert "m.head is active: only people" in county("account", "invite", "a.one", "m.head", status=1).line
    assert county.state() == before


# Suspending and leaving


def test_somebody_is_suspended_and_let_in_again(county: County) -> None:
    done = county("account", "suspend", "s.senco", "--because", "stolen laptop", "--json").json
    assert done == {"username": "s.senco", "state": "suspended"}
    assert county("account", "activate", "s.senco", "--json").json == {"username": "s.senco", "state": "active"}
    shown = county("account", "show", "s.senco", "--json").json
    assert (shown["password"], shown["one_time_codes"], len(shown["schools"])) == (True, True, 1)


def test_who_never_finished_an_invitation_is_not_made_active(county: County) -> None:
    invited(county, "a.one")
    county("account", "suspend", "a.one", "--because", "not yet")
    ran = county("account", "activate", "a.one")
    assert "account invite a.one" in ran.err
    assert state(county, "a.one") == "invited"


def test_somebody_leaves_with_all_that_was_theirs(county: County) -> None:
    county("device", "add", "s.senco", "--name", "PC")
    assert county("account", "leave", "s.senco", "--json").json == {
        "username": "s.senco",
        "state": "left",
        "scripts": [],
    }
    shown = county("account", "show", "s.senco", "--json").json
    assert (shown["state"], shown["schools"], shown["devices"], shown["recovery_codes_left"]) == ("left", [], 0, 0)
    assert (shown["password"], shown["one_time_codes"]) == (False, False)


def test_the_scripts_of_a_leaver_are_named_with_their_last_day_and_who_was_told(county: County) -> None:
    county(*person("a.one", "A"), "--school", PRIMARY, "--role", "Office")
    county("account", "add", "weekly", "--name", "Weekly", "--service", "s.senco", "--network", "192.0.2.7")
    county("account", "grant", "weekly", "--school", PRIMARY, "--category", "SEND")
    county("account", "grant", "weekly", "--school", SECONDARY, "--category", "SEND")
    ran = county("account", "leave", "s.senco", "--json")
    assert ran.json["scripts"] == [
        {
            "script": "weekly",
            "last_day": IN_TWO_WEEKS,
            "headteachers_told": [PRIMARY],
            "without_headteacher": [SECONDARY],
        }
    ]
    assert ("script without owner", "m.head@primary.example") in county.mails()


def test_the_next_step_for_a_script_without_an_owner_is_said(county: County) -> None:
    county(*SCRIPT)
    ran = county("account", "leave", "m.head")
    assert IN_TWO_WEEKS in ran.out and "nightly" in ran.out
    assert "ladocs account hand-over SCRIPT OWNER --until DAY" in ran.err


def test_a_script_is_handed_over_and_ends_when_that_is_said(county: County) -> None:
    county(*SCRIPT)
    county("account", "leave", "m.head")
    until = london_date(SystemClock().now()) + timedelta(days=100)
    done = county("account", "hand-over", "nightly", "s.senco", "--until", until.isoformat(), "--json").json
    assert (done["username"], done["owner"]) == ("nightly", "s.senco")
    shown = county("account", "show", "nightly", "--json").json
    assert (shown["owner"], shown["expires_at"]) == ("s.senco", done["expires_at"])
    assert shown["expires_at"] > (SystemClock().now() + timedelta(days=99)).isoformat()
    assert county("account", "show", "s.senco", "--json").json["scripts"] == ["nightly"]


# Who cannot get in


@pytest.mark.parametrize(
    ("command", "mail", "lost"),
    [
        ("password-reset", "password reset", "password"),
        ("totp-reset", "one-time codes reset", "one_time_codes"),
    ],
)
def test_a_reset_shows_nothing_and_mails_a_link(county: County, command: str, mail: str, lost: str) -> None:
    ran = county("account", command, "s.senco", "--json")
    assert ran.json == {"username": "s.senco", "link_mailed_to": "s.senco@primary.example"}
    assert county.mails() == [(mail, "s.senco@primary.example")]
    shown = county("account", "show", "s.senco", "--json").json
    assert {name: shown[name] for name in ("password", "one_time_codes")} == {
        "password": lost != "password",
        "one_time_codes": lost != "one_time_codes",
    }


@pytest.mark.parametrize("command", ["password-reset", "totp-reset"])
def test_a_script_has_nothing_to_reset(county: County, command: str) -> None:
    county(*SCRIPT)
    assert "only people have" in county("account", command, "nightly", status=1).line


def test_an_account_that_nobody_guessed_at_is_unlocked_too(county: County) -> None:
    assert county("account", "unlock", "s.senco", "--json").json == {"username": "s.senco", "guesses_forgiven": 0}


REFUSED = [
    ("suspend s.senco", 2, "Missing option '--because'"),
    ("suspend s.senco --because ' '", 1, "A suspension has a reason"),
    ("suspend ada --because mistake", 1, "You act as ada: another administrator"),
    ("leave ada", 1, "You act as ada: another administrator"),
    ("leave nobody", 1, "No account is called 'nobody'"),
    ("activate s.senco", 1, "s.senco is active already"),
    ("activate nobody", 1, "No account is called 'nobody'"),
    ("hand-over s.senco m.head", 1, "Only a script's account has an owner"),
    ("hand-over nobody m.head", 1, "No account is called 'nobody'"),
    ("unlock nobody", 1, "No account is called 'nobody'"),
    ("invite nobody", 1, "No account is called 'nobody'"),
    ("invite --school 830-9999", 1, "see 'ladocs school list'"),
    ("password-reset nobody", 1, "No account is called 'nobody'"),
    ("revoke s.senco", 2, "Say what to end: --school DFE, with or without --category or --acting, or --trust"),
    ("revoke s.senco --trust --school 830-2001", 2, "Say what to end"),
    ("revoke s.senco --trust --category SEND", 2, "Say what to end"),
    ("revoke nobody --trust", 1, "No account is called 'nobody'"),
]


@pytest.mark.parametrize(("command", "status", "words"), REFUSED, ids=[command for command, _, _ in REFUSED])
def test_a_refused_act_is_one_line_and_changes_nothing(county: County, command: str, status: int, words: str) -> None:
    before = county.state()
    assert words in county("account", *shlex.split(command), status=status).line
    assert county.state() == before
