"""The record's oracle over all clients, which judges when the shared server has ended: here it shows its teeth."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from auth.principal import Door
from tests.support.county import County, Receipt, every_byte_was_granted
from tests.support.drives import dav_drive
from tests.support.story import ASHBY, BIG


def test_bytes_without_a_grant_are_found(county: County) -> None:
    foreign = county.letter("Only for the cliff.pdf").object
    smuggled = Receipt(county["nightly"].account_id, Door.WEBDAV, foreign, 0, 10)
    with pytest.raises(AssertionError, match="received without a grant"):
        every_byte_was_granted(replace(county, receipts=[smuggled]))


def test_bytes_beyond_what_was_sent_are_found(county: County) -> None:
    person, letter = county["r.reader10"], county.letter(BIG)
    with dav_drive(county, person) as drive:
        assert drive.read(letter.path(person, ASHBY), 0, 1000) == letter.data[:1000]
    county.received(person, Door.WEBDAV, letter, 0, 1000)
    claimed = Receipt(person.account_id, Door.WEBDAV, letter.object, 0, len(letter.data))
    with pytest.raises(AssertionError, match="received and not told of"):
        every_byte_was_granted(replace(county, receipts=[claimed]))


def test_the_record_verifies_while_it_is_written(county: County) -> None:
    report = json.loads(county.command("audit", "verify", "--json"))
    assert (report["intact"], report["fault"]) == (True, None)
