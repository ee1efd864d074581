"""What the web team does after a withdrawal, and with requests for deletion, by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, SECONDARY, County
from tests.cli.test_trace import in_session
from tests.support.world import read, tree

BECAUSE = ("--because", "sent to the wrong school")


@pytest.fixture
def reference(county: County, letter: Path) -> str:
    """A letter to both schools that the primary's SENCO has read."""
    to = ("--school", PRIMARY, "--school", SECONDARY)
    published = county("publish", letter, "--category", "SEND", *to, "--json").json["published"]
    in_session(county, "s.senco", lambda fs: [read(fs, one) for one in tree(fs) if one.endswith(letter.name)])
    return str(published[0]["reference"])


def test_a_withdrawal_asks_the_headteacher_of_whoever_read_it(county: County, reference: str) -> None:
    said = county("document", "withdraw", reference, *BECAUSE, "--json").json
    assert [(one["dfe"], one["state"], one["readers"]) for one in said["copies"]] == [
        (SECONDARY, "nobody read it", []),
        (PRIMARY, "asked", ["s.senco"]),
    ]
    assert county.mails()[-1] == ("copies to destroy", "m.head@primary.example")


def test_what_is_open_is_listed_until_the_headteacher_has_confirmed(county: County, reference: str) -> None:
    county("document", "withdraw", reference, *BECAUSE)
    listed = county("document", "withdrawals", "--open", "--json").json
    assert [(one["reference"], one["dfe"]) for one in listed] == [(reference, PRIMARY)]
    told = ("--school", PRIMARY, "--by", "m.head")
    done = county("document", "copies-destroyed", reference, *told, "--json").json
    assert (done["state"], done["confirmed_by"]) == ("destroyed", "m.head")
    assert county("document", "withdrawals", "--open").out == "Nothing that fits was withdrawn.\n"
    assert len(county("document", "withdrawals", reference, "--json").json) == 2


def test_somebody_elses_word_is_one_line(county: County, reference: str) -> None:
    county("document", "withdraw", reference, *BECAUSE)
    told = ("--school", PRIMARY, "--by", "s.senco")
    line = county("document", "copies-destroyed", reference, *told, status=1).line
    assert line == (
        f"s.senco does not confirm for {PRIMARY}: the headteacher or who stands in does, see 'ladocs school show'."
    )


def test_a_request_is_entered_listed_and_decided(county: County, reference: str) -> None:
    asks = ("--school", PRIMARY, "--asked-by", "s.senco", "--because", "not our pupil")
    made = county("request", "add", reference, *asks, "--json").json
    assert (made["number"], made["asked_by"], made["decision"]) == (1, "s.senco", None)
    assert [one["number"] for one in county("request", "list", "--open", "--json").json] == [1]
    done = county("request", "decide", "1", "accept", "--because", "right", "--json").json
    assert (done["decision"], done["decided_by"], done["withdrawn"]) == ("accepted", "ada", True)
    assert county("request", "list", "--open").out == "No request waits.\n"
    assert county("document", "withdrawals", "--json").json[0]["why"] == "request 1: right"
    assert [kind for kind, _ in county.mails()][-3:] == ["request decided", "request decided", "copies to destroy"]


def test_an_officer_enters_and_decides_no_request(county: County, reference: str) -> None:
    county.act_as("olive")
    asks = ("--school", PRIMARY, "--asked-by", "s.senco", "--because", "not our pupil")
    for words in (("add", reference, *asks), ("decide", "1", "accept", "--because", "right")):
        assert county("request", *words, status=1).line == "olive may not do this: it is for administrator."
