"""`labels`: names of people, scripts, devices and keys, which stand in mails, pages and terminals."""

from __future__ import annotations

import pytest

from auth import accounts, devices, keys
from auth.addresses import AddressRules
from auth.labels import LONGEST, cleaned, label
from auth.principal import StaffRole
from config.errors import OperatorError
from tests.auth.world import Someone, World
from tests.support.people import OTHER_KEY

HOSTILE = "Office\r\nBcc: all@evil.example\u202e PC\x1b[2J"
HARMLESS = "Office Bcc: all@evil.example PC [2J"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (HOSTILE, HARMLESS),
        ("  Jo   Bloggs ", "Jo Bloggs"),
        ("Zoe\u0308 O\u2019Neill-Ngu\u1ec5n", "Zo\u00eb O\u2019Neill-Ngu\u1ec5n"),
        ("\U0001f5a5 PC", "\U0001f5a5 PC"),
        ("\u202e\x00\n", ""),
    ],
)
def test_what_cannot_be_seen_is_not_kept_and_letters_of_all_scripts_are(given: str, kept: str) -> None:
    assert cleaned(given) == kept


@pytest.mark.parametrize("given", ["", " ", "\u202e", "\ud800"])
def test_what_has_nothing_to_read_is_refused_with_the_sentence_of_who_asks(given: str) -> None:
    with pytest.raises(OperatorError, match="give a name"):
        label(given, "give a name")


def test_a_name_has_so_many_characters_at_most() -> None:
    assert label("x" * LONGEST, "-") == "x" * LONGEST
    with pytest.raises(OperatorError, match=f"has {LONGEST + 1} characters"):
        label("x" * (LONGEST + 1), "-")


def test_an_account_is_entered_by_a_name_of_one_line(world: World) -> None:
    with world.database.write() as connection:
        who = accounts.create_person(
            connection,
            username="some.one",
            email="some.one@school.example",
            name=HOSTILE,
            at=world.clock.now(),
            rules=AddressRules(),
            roles=[StaffRole.OFFICER],
        )
        account = accounts.get(connection, who)
    assert account is not None
    assert account.name == HARMLESS


def test_a_device_is_kept_by_a_name_of_one_line(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        world.devices.create(connection, jo.id, HOSTILE, at=world.clock.now())
        assert devices.listing(connection, jo.id)[-1].name == HARMLESS


def test_a_key_is_kept_by_a_name_of_one_line(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        assert keys.add(connection, jo.id, OTHER_KEY, HOSTILE, at=world.clock.now()).name == HARMLESS
