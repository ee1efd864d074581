"""One checkpoint: its form, its signature, and that no byte of it can be changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policy.audit.chain import Head
from policy.audit.checkpoint import Checkpoint, NotACheckpoint, as_origin, key_id
from tests.support.events import NOON

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
MADE = Checkpoint.sign(KEY, origin="documents.example", head=Head(5, 15, bytes(range(32))), at=NOON)
LINE = str(MADE)
VECTOR = (
    "ladocs-checkpoint/1 origin=documents.example records=15 batch=5"
    " link=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    " time=2026-11-23T12:00:00.000000Z key=56475aa75463474c sig="
)


def holds(line: str) -> bool:
    try:
        return Checkpoint.parse(line).is_signed(KEYS)
    except NotACheckpoint:
        return False


def test_a_checkpoint_is_one_line_of_the_written_form() -> None:
    assert LINE.startswith(VECTOR)
    assert len(LINE) == len(VECTOR) + 128


def test_its_signature_is_over_a_domain_and_all_before_it() -> None:
    said, _, signature = LINE.partition(" sig=")
    KEY.public_key().verify(bytes.fromhex(signature), b"ladocs/v1/checkpoint\0" + said.encode())


def test_what_was_signed_is_read_back_and_holds() -> None:
    assert Checkpoint.parse(LINE) == MADE
    assert MADE.is_signed(KEYS)


def test_no_bit_can_be_changed() -> None:
    raw = LINE.encode()
    for place, byte in enumerate(raw):
        for bit in range(8):
            changed = raw[:place] + bytes([byte ^ 1 << bit]) + raw[place + 1 :]
            assert not holds(changed.decode("latin-1")), (place, bit)


def test_no_byte_can_be_left_out_or_added() -> None:
    assert not any(holds(LINE[:place] + LINE[place + 1 :]) for place in range(len(LINE)))
    assert not any(holds(LINE[:place] + extra + LINE[place:]) for place in range(len(LINE) + 1) for extra in ("0", " "))


def test_another_key_cannot_sign_in_this_ones_name() -> None:
    other = Ed25519PrivateKey.generate()
    forged = Checkpoint.sign(other, origin=MADE.origin, head=MADE.head, at=MADE.at)
    assert not forged.is_signed(KEYS)
    assert not replace(forged, key_id=MADE.key_id).is_signed(KEYS)


@pytest.mark.parametrize("host", ["Büro-PC", "a b", "x" * 300, ""])
def test_an_origin_of_any_name_fits_the_form(host: str) -> None:
    made = Checkpoint.sign(KEY, origin=as_origin(host), head=MADE.head, at=NOON)
    assert holds(str(made))
