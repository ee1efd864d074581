"""A signed statement: any changed byte is refused, with what differs [R22]."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway import statement
from policy.audit.checkpoint import key_id

FORM = "ladocs-review/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
SAID: dict[str, Any] = {"school": {"name": "Zoë’s Primary"}, "terms": ["autumn-2026"], "items": [{"n": 1}, {"n": 2}]}
SIGNED = statement.signed(FORM, SAID, KEY)


def differs(text: str | bytes) -> list[str]:
    return statement.differences(text.encode() if isinstance(text, str) else text, FORM, KEYS)


def test_what_was_signed_holds_and_is_read_back() -> None:
    assert differs(SIGNED) == []
    assert statement.said(SIGNED) == SAID


def test_the_same_words_make_the_same_text() -> None:
    assert statement.signed(FORM, dict(reversed(SAID.items())), KEY) == SIGNED


@pytest.mark.parametrize("place", range(len(SIGNED)))
def test_any_changed_byte_is_refused(place: int) -> None:
    data = bytearray(SIGNED.encode())
    for change in (0x01, 0x20, 0x80):
        changed = bytes([*data[:place], data[place] ^ change, *data[place + 1 :]])
        assert differs(changed), (place, change)


@given(st.integers(0, len(SIGNED)), st.binary(min_size=1, max_size=3))
def test_what_was_put_in_is_refused(place: int, more: bytes) -> None:
    data = SIGNED.encode()
    assert differs(data[:place] + more + data[place:])


@given(st.integers(0, len(SIGNED) - 1))
def test_what_was_cut_is_refused(place: int) -> None:
    assert differs(SIGNED[:place])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["said"]["items"][1].update(n=3), "said, items, number 2: it is not what was signed"),
        (lambda found: found["said"]["items"].pop(), "said, items, number 2: it was left out"),
        (lambda found: found["said"].update(school="other"), "said, school: it is not what was signed"),
        (lambda found: found["said"].update(more=1), "said, more: it is not what was signed"),
        (lambda found: found["digests"].update(more="0"), "signature: it does not hold"),
        (lambda found: found.update(form="ladocs-other/1"), "form: it is not ladocs-review/1"),
        (lambda found: found.update(signer="00"), "signer: 00 is none of the keys"),
        (lambda found: found.update(signature=7), "signature: it is not of this form"),
        (lambda found: found.update(more=1), "the file does not hold"),
        (lambda found: found.update(said=[]), "said, school: it was left out"),
        (lambda found: found.update(digests=[]), "the file does not hold"),
    ],
)
def test_it_is_told_what_differs(change: Any, said: str) -> None:
    found = json.loads(SIGNED)
    change(found)
    assert any(line.startswith(said) for line in differs(json.dumps(found, indent=1, sort_keys=True) + "\n"))


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"\xff", b"[" * 5000, b'{"said": 1}'])
def test_what_is_no_statement_is_told_so(data: bytes) -> None:
    assert len(differs(data)) == 1


def test_another_layout_of_the_same_words_is_refused() -> None:
    assert differs(json.dumps(json.loads(SIGNED))) == ["line 1: it is not written as it was signed"]


def test_a_name_that_stands_twice_is_refused() -> None:
    assert differs(SIGNED.replace('{\n "digests"', '{\n "form": "ladocs-review/1",\n "digests"', 1))


def test_another_home_s_key_is_none_that_is_trusted() -> None:
    other = Ed25519PrivateKey.generate()
    assert statement.differences(statement.signed(FORM, SAID, other).encode(), FORM, KEYS) != []
