"""`ladocs review`: what is shown, what comes back as flags or a file, the signed result, what time would do [R22]."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.county import PRIMARY, SECONDARY, County

BECAUSE = ("--because", "letter of 3 May")
FOR_HEAD = ("--on-behalf-of", "m.head", *BECAUSE)


@pytest.fixture
def open_(county: County) -> County:
    """A county in whose primary school a review is open: it was there when the term's reviews opened."""
    county.execute("ladocs.db", "UPDATE school SET created_at = created_at - 200 * 86400000000")
    county("review", "remind")
    return county


def seen(county: County) -> str:
    return str(county("review", "show", PRIMARY, "--json").json["seen"])


def term(county: County) -> str:
    return str(county("review", "list", "--json").json[0]["term"])


def filled_in(county: County, tmp_path: Path, **decisions: str) -> Path:
    """The file as the headteacher sends it back; a decision is for an item, any other is kept."""
    rows = list(csv.DictReader(io.StringIO(county("review", "show", PRIMARY, "--csv").out.lstrip("\ufeff"))))
    file = tmp_path / "review.csv"
    with file.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "decision": decisions.get(row["item"].replace(".", "_"), "keep")} for row in rows)
    return file


def confirmed(county: County) -> None:
    county("review", "confirm", PRIMARY, *FOR_HEAD, "--seen", seen(county), "--remove", "s.senco")


def test_a_review_is_listed_from_its_opening_to_its_confirmation(open_: County) -> None:
    [row] = open_("review", "list", "--open", "--json").json
    assert (row["dfe"], row["state"], row["confirmed_by"]) == (PRIMARY, "open", None)
    confirmed(open_)
    [row] = open_("review", "list", "--json").json
    assert (row["state"], row["confirmed_by"]) == ("confirmed", "m.head")
    assert open_("review", "list", "--open", "--json").json == []
    assert open_("review", "list", "--term", "summer-1999", "--json").json == []


def test_everything_of_the_school_is_shown(open_: County) -> None:
    shown = open_("review", "show", PRIMARY, "--json").json
    assert [(item["item"], item["roles"]) for item in shown["items"]] == [
        ("m.head", ["Headteacher"]),
        ("s.senco", ["SENCO"]),
    ]
    assert "SENCO" in open_("review", "show", PRIMARY).out


def test_a_school_without_a_review_is_told_so(open_: County) -> None:
    assert "No access review of 830-4003 is open" in open_("review", "show", SECONDARY, status=1).line


def test_a_term_without_a_review_is_told_so(open_: County) -> None:
    said = open_("review", "show", PRIMARY, "--term", "summer-1999", status=1).line
    assert f"{PRIMARY} has no access review of summer-1999" in said


def test_a_removed_account_is_out_and_the_others_are_confirmed(open_: County) -> None:
    confirmed(open_)
    people = open_("school", "show", PRIMARY, "--json").json["people"]
    assert [one["username"] for one in people] == ["m.head"]


def test_a_review_of_somebody_else_is_refused_and_recorded(open_: County) -> None:
    other = ("--on-behalf-of", "s.senco", *BECAUSE, "--seen", seen(open_))
    assert "reviewed by its headteacher" in open_("review", "confirm", PRIMARY, *other, status=1).line
    [row] = open_("audit", "list", "--event", "access:refused", "--json").json
    assert row["reason"].startswith("confirm an access review: not the headteacher")


def test_an_officer_confirms_nothing(open_: County) -> None:
    name = seen(open_)
    open_.act_as("olive")
    assert "olive may not" in open_("review", "confirm", PRIMARY, *FOR_HEAD, "--seen", name, status=1).line


def test_a_list_that_is_no_longer_true_is_not_confirmed(open_: County) -> None:
    before = seen(open_)
    open_("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    ran = open_("review", "confirm", PRIMARY, *FOR_HEAD, "--seen", before, status=1)
    assert "has changed since it was shown" in ran.line


def test_the_file_comes_back_filled_in(open_: County, tmp_path: Path) -> None:
    file = filled_in(open_, tmp_path, s_senco="Remove")
    done = open_("review", "confirm", PRIMARY, *FOR_HEAD, "--csv", file, "--json").json
    assert (done["confirmed"], done["removed"]) == (1, ["s.senco"])


def test_faults_of_the_file_are_told_by_row_and_column_and_nothing_is_done(open_: County, tmp_path: Path) -> None:
    file = filled_in(open_, tmp_path, m_head="", s_senco="maybe")
    open_("account", "grant", "s.senco", "--school", PRIMARY, "--category", "General")
    ran = open_("review", "confirm", PRIMARY, *FOR_HEAD, "--csv", file, status=1)
    assert ran.err.splitlines()[:3] == [
        "row 2, decision: '' is no decision: write keep or remove",
        "row 3, decision: 'maybe' is no decision: write keep or remove",
        "row 3, seen: s.senco has changed since this was shown: show the review again",
    ]
    assert "nothing was confirmed" in ran.err
    assert open_("review", "list", "--json").json[0]["state"] == "open"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "\r\n".join(text.splitlines()[:-1]), "s.senco is not in the file"),
        (lambda text: text + text.splitlines()[-1] + "\r\n", "row 4, item: s.senco has a row already"),
        (lambda text: text.replace("s.senco,", "n.obody,", 1), "row 3, item: 'n.obody' is not there"),
        (lambda text: text.replace("decision", "verdict", 1), "no column 'decision'"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(open_: County, tmp_path: Path, change: object, said: str) -> None:
    file = filled_in(open_, tmp_path)
    file.write_text(change(file.read_bytes().decode("utf-8-sig")), newline="")  # type: ignore[operator]
    assert said in open_("review", "confirm", PRIMARY, *FOR_HEAD, "--csv", file, status=1).err


@pytest.mark.parametrize("words", [(), ("--seen", "s1", "--csv", "x"), ("--csv", "x", "--remove", "s.senco")])
def test_it_is_said_in_one_way_what_was_reviewed(open_: County, words: tuple[str, ...]) -> None:
    assert "Say what was reviewed" in open_("review", "confirm", PRIMARY, *FOR_HEAD, *words, status=2).line


def test_the_signed_result_proves_itself_with_and_without_the_home(open_: County, tmp_path: Path) -> None:
    confirmed(open_)
    file = tmp_path / "review.json"
    file.write_text(open_("review", "show", PRIMARY, "--signed").out)
    assert json.loads(file.read_text())["said"]["confirmed_by"]["username"] == "m.head"
    assert open_("review", "verify", file, "--json").json == {"intact": True, "differs": []}
    key = open_("audit", "checkpoint", "--public-key").out.split()[-1]
    assert open_("review", "verify", file, "--key", key, "--json").json["intact"]
    file.write_text(file.read_text().replace("removed", "confirmed", 1))
    assert not open_("review", "verify", file, "--json", status=1).json["intact"]


def test_a_kept_result_that_was_changed_is_not_shown_as_one(open_: County) -> None:
    confirmed(open_)
    open_.execute("ladocs.db", "UPDATE access_review SET signed = replace(signed, 'Mary', 'Gary')")
    assert "is not as it was signed" in open_("review", "show", PRIMARY, "--term", term(open_), status=1).line


def test_the_page_says_what_the_result_says(open_: County, tmp_path: Path) -> None:
    file = tmp_path / "review.html"
    open_("review", "show", PRIMARY, "--html", file)
    assert "☐ keep ☐ remove" in file.read_text()
    confirmed(open_)
    open_("review", "show", PRIMARY, "--term", term(open_), "--html", file)
    page = file.read_text()
    assert "☐" not in page
    assert all(words in page for words in ("Mary Head (m.head), Headteacher", "removed", "letter of 3 May"))
    assert not any(words in page for words in ("<script", "http://", "https://", "src="))


def test_an_extension_is_listed(open_: County) -> None:
    given = ("--until", "2099-12-31", "--because", "no headteacher")
    [row] = open_("review", "extend", PRIMARY, *given, "--json").json
    assert (row["due_on"], row["state"]) == ("2099-12-31", "open")
    [event] = open_("audit", "list", "--event", "review:extended", "--json").json
    assert event["reason"].endswith("due 2099-12-31: no headteacher")


def test_reminding_by_hand_does_what_is_due_once_and_only_shows_what_will_be(open_: County) -> None:
    assert open_("review", "remind", "--json").json == []
    ahead = open_("review", "remind", "--dry-run", "--at", "2099-12-31", "--json").json
    assert {step["act"] for step in ahead} == {"opened", "suspended", "reminded"}
    assert "leave --at out" in open_("review", "remind", "--at", "2099-12-31", status=2).line
    assert open_("review", "list", "--json").json[0]["state"] == "open"
