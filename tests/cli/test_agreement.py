"""`ladocs agreement`: what schools have signed, taken over, shown and recorded."""

from __future__ import annotations

import pytest

from tests.cli.county import PRIMARY, SECONDARY, County

SIGNED = ("--version", "2026-1", "--signed-on", "2025-10-01", "--signed-by", "  Mary   Head ")


def test_what_a_school_has_signed_is_shown_afterwards_the_oldest_first(county: County) -> None:
    county("agreement", "record", PRIMARY, *SIGNED)
    signed = county("agreement", "show", "--school", PRIMARY, "--json").json
    assert [row["version"] for row in signed] == ["specimen-1", "2026-1"]
    assert signed[1] == {"version": "2026-1", "signed_on": "2025-10-01", "signed_by": "Mary Head"}


def test_the_version_that_was_signed_last_is_in_force(county: County) -> None:
    county("agreement", "record", PRIMARY, *SIGNED)
    listed = {row["dfe"]: row["version"] for row in county("agreement", "list", "--json").json}
    assert listed == {PRIMARY: "2026-1", SECONDARY: "specimen-1"}


def test_a_signature_is_in_the_record(county: County) -> None:
    county("agreement", "record", PRIMARY, *SIGNED)
    newest = county("audit", "list", "--event", "agreement:recorded", "--json").json[-1]
    assert newest["reason"] == "2026-1, signed on 2025-10-01 by Mary Head"


@pytest.mark.parametrize(
    ("version", "signed_on", "signed_by", "said"),
    [
        ("2026 1", "2025-10-01", "Mary Head", "is no version"),
        ("2026-1", "2125-10-01", "Mary Head", "still to come"),
        ("2026-1", "2025-10-01", " ", "Say who signed it"),
    ],
)
def test_a_signature_that_cannot_be_is_refused(
    county: County, version: str, signed_on: str, signed_by: str, said: str
) -> None:
    options = ("--version", version, "--signed-on", signed_on, "--signed-by", signed_by)
    assert said in county("agreement", "record", PRIMARY, *options, status=1).line


def test_a_signature_is_recorded_once(county: County) -> None:
    county("agreement", "record", PRIMARY, *SIGNED)
    assert "is recorded already" in county("agreement", "record", PRIMARY, *SIGNED, status=1).line
