"""A list is whole, or says that it was cut [R32]."""

from __future__ import annotations

from itertools import islice

import pytest

from gateway.cli.output import newest


def up_to(limit: int | None) -> list[int]:
    """The newest of 500, the newest first."""
    return list(islice(range(500, 0, -1), limit))


def test_json_without_a_limit_is_whole() -> None:
    assert len(newest(up_to, None, as_json=True, last=False)) == 500


@pytest.mark.parametrize("as_json", [True, False])
def test_a_limit_that_was_asked_for_is_kept_without_a_word(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    assert newest(up_to, 3, as_json=as_json, last=False) == [500, 499, 498]
    assert capsys.readouterr().err == ""


def test_a_table_that_is_cut_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert newest(up_to, None, as_json=False, last=False) == list(range(500, 400, -1))
    assert capsys.readouterr().err == "These are the newest 100: --limit 1000 shows more, --json all.\n"


def test_what_has_its_newest_at_the_end_is_cut_at_its_beginning() -> None:
    rows = newest(lambda limit: up_to(limit)[::-1], None, as_json=False, last=True)
    assert rows == list(range(401, 501))


def test_a_table_that_holds_all_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    newest(lambda limit: up_to(limit)[:100], None, as_json=False, last=False)
    assert capsys.readouterr().err == ""
