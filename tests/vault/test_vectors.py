"""The format holds to the test vectors, which were written down once (docs/vault-format.md)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue import Folder
from gateway.vault import format as fmt
from gateway.vault.keybox import KeyBox
from policy.months import Month
from tests.support.clock import FakeClock
from tests.vault import independent

VECTORS = Path(__file__).parent / "vectors"


def vectors(name: str) -> Any:
    """The content of one file of vectors."""
    return json.loads((VECTORS / name).read_text("utf-8"))


def raw(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


@pytest.mark.parametrize("vector", vectors("contexts.json"))
def test_context_and_segment_key_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    made = fmt.context(raw(vector, "object_id"), vector["segment_size"])
    assert made == raw(vector, "context")
    assert fmt.derive(raw(vector, "dek"), b"ladocs/v1/seg\0" + made) == raw(vector, "segment_key")


@pytest.mark.parametrize("vector", vectors("segments.json"), ids=lambda vector: vector["what"])
def test_a_sealed_file_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    plain, size = raw(vector, "plaintext"), vector["segment_size"]
    cipher = fmt.segment_cipher(raw(vector, "dek"), fmt.context(raw(vector, "object_id"), size))
    count = fmt.segment_count(len(plain), size)
    made = b"".join(
        cipher.encrypt(fmt.segment_nonce(i, last=i == count - 1), plain[i * size : (i + 1) * size], None)
        for i in range(count)
    )
    assert made == raw(vector, "file")
    assert len(made) == fmt.sealed_length(len(plain), size)


@pytest.mark.parametrize("vector", vectors("wraps.json"))
def test_a_wrap_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    bound = {
        "ctx": fmt.context(raw(vector, "object_id"), vector["segment_size"]),
        "kek_id": raw(vector, "kek_id"),
        "length": vector["length"],
        "category": vector["category"],
    }
    made = fmt.wrap(raw(vector, "kek"), raw(vector, "nonce"), raw(vector, "dek"), **bound)
    assert made == raw(vector, "wrap")
    assert fmt.unwrap(raw(vector, "kek"), made, **bound) == raw(vector, "dek")


@pytest.mark.parametrize("vector", vectors("boxes.json"))
def test_a_box_of_the_vectors_opens(vector: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(raw(vector, "box"))
    (tmp_path / f"root.{vector['generation']}").write_bytes(raw(vector, "root_key"))
    held = KeyBox(tmp_path, FakeClock(), bytes).all()
    assert {key_id.hex(): key.hex() for key_id, key in held.items()} == vector["keys"]


@pytest.mark.parametrize("vector", vectors("boxes.json")[:1])
def test_a_new_box_is_that_of_the_vectors(vector: dict[str, Any], tmp_path: Path) -> None:
    chances = iter([raw(vector, "root_key"), raw(vector, "nonce")])
    KeyBox(tmp_path, FakeClock(), lambda size: next(chances)).create()
    assert (tmp_path / "box").read_bytes() == raw(vector, "box")


@pytest.mark.parametrize("vector", vectors("names.json"), ids=lambda vector: vector["name"])
def test_a_sealed_name_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    cipher = fmt.name_cipher(raw(vector, "kek"))
    aad = fmt.name_aad(raw(vector, "delivery_id"), vector["school"], vector["category"], raw(vector, "object_id"))
    nonce = raw(vector, "nonce")
    assert nonce + cipher.encrypt(nonce, vector["name"].encode(), aad) == raw(vector, "sealed")


@pytest.mark.parametrize("place", vectors("tokens.json")["folders"], ids=lambda place: place["folder"][-40:])
def test_tokens_are_those_of_the_vectors(place: dict[str, Any]) -> None:
    folder = Folder(place["school"], Month(place["year"], place["month"]), place["category"])
    key = fmt.index_key(raw(vectors("tokens.json"), "kek"))
    assert folder.token_id == raw(place, "folder")
    for group in place["tokens"]:
        assert {fmt.token(key, folder.token_id, name).hex() for name in group["names"]} == {group["token"]}


def test_no_two_tokens_of_the_vectors_are_alike() -> None:
    tokens = [group["token"] for place in vectors("tokens.json")["folders"] for group in place["tokens"]]
    assert all(one != other for one, other in itertools.combinations(tokens, 2))


def test_the_independent_reader_opens_what_the_vectors_hold() -> None:
    for vector in vectors("segments.json"):
        plain = raw(vector, "plaintext")
        opened = independent.open_object(
            raw(vector, "dek"), raw(vector, "object_id"), vector["segment_size"], len(plain), raw(vector, "file")
        )
        assert opened == plain


@pytest.mark.parametrize(
    ("length", "segments"), [(0, 1), (1, 1), (15, 1), (16, 1), (17, 2), (32, 2), (33, 3), (16 << 32, 1 << 32)]
)
def test_the_last_segment_is_full_or_part_but_empty_only_when_alone(length: int, segments: int) -> None:
    assert fmt.segment_count(length, 16) == segments
    assert fmt.sealed_length(length, 16) == length + 16 * segments


def test_no_more_segments_fit_than_can_be_numbered() -> None:
    assert fmt.fits(16 << 32, 16)
    assert not fmt.fits((16 << 32) + 1, 16)
