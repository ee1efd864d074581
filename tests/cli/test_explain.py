"""`ladocs account explain`: as a table for people, as JSON for programs, for everybody of the authority."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.clock import SystemClock, london_date
from policy.months import Month
from tests.cli.county import PRIMARY, County

FOLDER = f"/Derbyshire Documents/{Month.of(london_date(SystemClock().now())).folder}/General"


@pytest.fixture
def reference(county: County, letter: Path) -> str:
    """A document of the category General, which the SENCO does not hold."""
    [row] = county("publish", letter, "--school", PRIMARY, "--category", "General", "--json").json["published"]
    return str(row["reference"])


def test_a_table_has_each_rule_and_ends_with_the_verdict(county: County, reference: str) -> None:
    out = county("account", "explain", "s.senco", f"{FOLDER}/Letter.txt").out.splitlines()
    assert [line.split()[0] for line in out if "stands in the way" in line] == ["category"]
    assert "General is not granted; granted: SEND" in next(line for line in out if "stands in the way" in line)
    last = [line for line in out if line.strip()][-1]
    assert last.split()[:2] == ["verdict", "no"]
    assert "For s.senco it does not exist: no grant for this category." in last


def test_json_has_the_same(county: County, reference: str) -> None:
    [head] = county("account", "explain", "m.head", f"{FOLDER}/Letter.txt", "--json").json
    assert (head["sees"], head["school"], {rule["outcome"] for rule in head["rules"]}) == (True, PRIMARY, {"ok"})
    assert head["verdict"].startswith("m.head can see and read it in ")
    [senco] = county("account", "explain", "s.senco", FOLDER, "--json").json
    assert (senco["sees"], senco["rules"][-1]) == (
        False,
        {
            "rule": "contents",
            "outcome": "stands in the way",
            "because": "1 delivered (no grant for this category: 1)",
        },
    )


@pytest.mark.parametrize("spoken", [str.lower, lambda text: text.replace("-", ""), lambda text: f" {text} "])
def test_a_reference_is_understood_as_it_is_read_out(county: County, reference: str, spoken: object) -> None:
    assert callable(spoken)
    [found] = county("account", "explain", "m.head", spoken(reference), "--json").json
    assert (found["school"], found["sees"]) == (PRIMARY, True)
    assert "Letter" not in str(found)


@pytest.mark.parametrize("who", ["ada", "olive", "audrey"])
def test_everybody_of_the_authority_may_ask_and_nothing_is_recorded(county: County, reference: str, who: str) -> None:
    county.act_as(who)
    before = county.state()
    county("account", "explain", "s.senco", reference)
    assert county.state() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "/"), "No account is called 'nobody'"),
        (("m.head", "D-ZZZZ-ZZ"), "No document has the reference 'D-ZZZZ-ZZ'"),
    ],
)
def test_what_is_not_there_cannot_be_explained(county: County, arguments: tuple[str, ...], words: str) -> None:
    assert words in county("account", "explain", *arguments, status=1).line
