"""`ladocs document hold | unhold`: one person places a hold, two lift it, and each of them is proved."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from auth.totp import STEP_SECONDS, code_at
from gateway.cli.entry import main
from tests.cli.county import LADOCS, PRIMARY, County
from tests.support.activation import PASSWORD, Activated, activate
from tests.support.terminal import Terminal


@pytest.fixture
def reference(county: County, letter: Path) -> str:
    """A published letter."""
    county("publish", letter, "--category", "SEND", "--school", PRIMARY)
    found: str = county("document", "list", "--json").json[0]["reference"]
    return found


@pytest.fixture
def grace(county: County) -> Activated:
    """A second officer, who has an authenticator."""
    county("account", "add", "grace", "--name", "Grace", "--email", "grace@derbyshire.example", "--staff", "officer")
    with county.services() as services:
        return activate(services, "grace")


def lifting(county: County, reference: str, username: str) -> tuple[str | Path, ...]:
    command = ("document", "unhold", reference, "--because", "settled", "--approve-as", username, "--json")
    return (LADOCS, "--home", county.home, *command)


def next_code(county: County, who: Activated) -> str:
    """The code after the one that was used to activate."""
    with county.services() as services:
        return code_at(who.secret, services.clock.now() + timedelta(seconds=STEP_SECONDS))


def refused(county: County) -> list[str]:
    rows = county("audit", "list", "--event", "access:refused", "--json").json
    return [row["reason"] for row in rows]


def test_a_hold_is_placed_by_one_person_and_shown(county: County, reference: str) -> None:
    placed = county("document", "hold", reference, "--because", "a complaint", "--json").json
    assert (placed["reference"], placed["by"], placed["because"]) == (reference, "ada", "a complaint")
    assert county("document", "show", reference, "--json").json["holds"] != []
    assert "visible, held" in county("document", "list").out
    assert county("document", "show", reference, "--json").json["holds"][0].endswith(": a complaint")
    [told] = county("audit", "list", "--event", "document:held", "--json").json
    assert (told["event"], told["reason"]) == ("document:held", "a complaint")


def test_two_people_lift_it_the_second_by_password_and_code(county: County, reference: str, grace: Activated) -> None:
    county("document", "hold", reference, "--because", "a complaint")
    with Terminal(*lifting(county, reference, "grace")) as terminal:
        terminal.read_until("Password of grace")
        terminal.type(PASSWORD)
        terminal.read_until("One-time code of grace")
        terminal.type(next_code(county, grace))
        assert terminal.status() == 0
    assert PASSWORD not in terminal.seen
    said = json.loads(terminal.seen[terminal.seen.index("{") :])
    assert said["because"] == "a complaint"
    assert county("document", "show", reference, "--json").json["holds"] == []
    [told] = county("audit", "list", "--event", "document:unheld", "--json").json
    assert told["reason"].endswith(": settled")
    assert county("audit", "list", "--event", "auth:sign-in", "--json").json[0]["client"] == "ladocs, for ada"


@pytest.mark.parametrize("wrong", ["password", "code"])
def test_who_does_not_show_both_is_refused_and_recorded(
    county: County, reference: str, grace: Activated, wrong: str
) -> None:
    county("document", "hold", reference, "--because", "a complaint")
    with Terminal(*lifting(county, reference, "grace")) as terminal:
        terminal.read_until("Password of grace")
        terminal.type("a loud otter is quiet" if wrong == "password" else PASSWORD)
        terminal.read_until("One-time code of grace")
        terminal.type("000000" if wrong == "code" else next_code(county, grace))
        assert terminal.status() == 1
    assert "grace was not accepted: nothing was done." in terminal.seen
    assert county("document", "show", reference, "--json").json["holds"] != []
    assert refused(county) == ["lift a hold: not proved"]
    assert [row["reason"] for row in county("audit", "list", "--event", "auth:refused", "--json").json] == [
        f"wrong {wrong}"
    ]


@pytest.mark.parametrize(
    ("named", "line", "reason"),
    [
        ((), "This takes two people: name the other with --approve-as USER.", "one person alone"),
        (("--approve-as", "ada"), "You act as ada already: another person has to approve.", "one person alone"),
        (
            ("--approve-as", "audrey"),
            "audrey may not approve this: it is for administrator or officer.",
            "no role for it",
        ),
        (
            ("--approve-as", "m.head"),
            "m.head may not approve this: it is for administrator or officer.",
            "no role for it",
        ),
    ],
)
def test_one_alone_or_who_may_not_is_refused_and_recorded(
    county: County, reference: str, named: tuple[str, ...], line: str, reason: str
) -> None:
    county("document", "hold", reference, "--because", "a complaint")
    ran = county("document", "unhold", reference, "--because", "settled", *named, status=1)
    assert ran.line == line
    assert county("document", "show", reference, "--json").json["holds"] != []
    assert refused(county) == [f"lift a hold: {reason}"]


def test_without_a_terminal_nobody_can_approve(county: County, reference: str) -> None:
    county("document", "hold", reference, "--because", "a complaint")
    ran = county.program("document", "unhold", reference, "--because", "x", "--approve-as", "olive", status=1)
    assert ran.line == "olive has to type password and code: give the command at a terminal."


def test_what_is_not_held_and_what_is_destroyed_are_told(county: County, reference: str) -> None:
    assert main(["--home", str(county.home), "document", "hold", "D-0000-00", "--because", "x"]) == 1
    county.execute("ladocs.db", "UPDATE object SET wrap = NULL")
    ran = county("document", "hold", reference, "--because", "x", status=1)
    assert ran.line == f"{reference} is destroyed: nothing is left to hold."
