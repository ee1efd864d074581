"""Names at rest: any name comes back as it was, and one token finds it however its case and accents are written."""

from __future__ import annotations

import os
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalogue import same_name
from gateway.names import fault
from gateway.vault import format as fmt
from gateway.vault.vault import Vault
from tests.vault.documents import KEK_ID

KEY = fmt.index_key(b"K" * 32)
FOLDER = b"f" * 24
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100).filter(lambda name: fault(name) is None)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1))
def test_names_round_trip(name: str, school: int, category: int) -> None:
    cipher, nonce = fmt.name_cipher(b"K" * 32), os.urandom(12)
    aad = fmt.name_aad(b"d" * 16, school, category, b"o" * 16)
    assert cipher.decrypt(nonce, cipher.encrypt(nonce, name.encode(), aad), aad).decode() == name


def test_the_vault_opens_what_it_sealed_and_never_seals_alike(vault: Vault) -> None:
    def seal() -> bytes:
        return vault.seal_name(
            KEK_ID, "Zoë’s.pdf", delivery_id=b"d" * 16, school_id=7, category_id=3, object_id=b"o" * 16
        )

    one, other = seal(), seal()
    assert one != other
    for sealed in (one, other):
        opened = vault.open_name(KEK_ID, sealed, delivery_id=b"d" * 16, school_id=7, category_id=3, object_id=b"o" * 16)
        assert opened == "Zoë’s.pdf"


@settings(deadline=None)
@given(names)
def test_one_token_finds_a_name_however_it_is_written(name: str) -> None:
    token = fmt.token(KEY, FOLDER, name)
    for written in (
        unicodedata.normalize("NFC", name),
        unicodedata.normalize("NFD", name),
        unicodedata.normalize("NFC", name).casefold(),
    ):
        assert fmt.token(KEY, FOLDER, written) == token


@settings(deadline=None)
@given(names, names)
def test_two_names_have_one_token_if_and_only_if_they_are_the_same_name(one: str, other: str) -> None:
    for another in (other, one.upper(), one.swapcase()):
        assert (fmt.token(KEY, FOLDER, one) == fmt.token(KEY, FOLDER, another)) is same_name(one, another)


@settings(deadline=None)
@given(names, st.binary(min_size=24, max_size=24))
def test_a_token_is_of_one_folder_and_one_key(name: str, folder: bytes) -> None:
    token = fmt.token(KEY, FOLDER, name)
    assert (fmt.token(KEY, folder, name) == token) is (folder == FOLDER)
    assert fmt.token(fmt.index_key(b"O" * 32), FOLDER, name) != token
