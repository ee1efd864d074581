"""A second implementation, written from the page of the format, reads what ours wrote and finds what was done to it.

`vectors/record.json` holds a whole record, its checkpoints and a certificate, which were written down once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from config.database import Database
from gateway import certificate
from policy.audit.chain import Chain, Head
from policy.audit.checkpoint import Checkpoint
from policy.audit.events import EventKind, Result
from policy.audit.payload import encode
from tests.audit import independent
from tests.audit.independent import Batch, Broken, Row
from tests.support.clock import FakeClock
from tests.support.events import an_event

VECTORS = Path(__file__).parent / "vectors/record.json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {independent.key_name(PUBLIC): PUBLIC}
SAID = ("day 2027-02-21", "key 000102030405060708090a0b0c0d0e0f publish", "documents 0")
BATCHES = (
    (an_event(), an_event(event=EventKind.FILE_CLOSE, ranges=((0, 10), (20, 25))), an_event(result=Result.DENY)),
    (an_event(client='a "quoted" client, 7\u2028\x00\\', actor=None, reason="Zoë’s"),),
    (an_event(school=None), an_event(count=2**40)),
)


def made(url: str) -> dict[str, Any]:
    """The vectors by our own code: three batches, the first of which was pruned but for one record 800 days later."""
    clock, chance = FakeClock(), iter(range(256))
    chain = Chain(url, clock, lambda size: bytes(next(chance) for _ in range(size)))
    lines = []
    for number, batch in enumerate(BATCHES, start=1):
        if number == len(BATCHES):
            clock.advance(days=800)
        head = chain.append([encode(event) for event in batch])
        lines.append(str(Checkpoint.sign(KEY, origin="documents.example", head=head, at=clock.now())))
    with chain.database.write() as connection:
        connection.execute(text("UPDATE audit_record SET salt = NULL, payload = NULL WHERE seq <= 2"))
    chain.forget()
    batches, records = rows(url)
    return {
        "public_key": PUBLIC.hex(),
        "batches": [_hexed(row) for row in batches],
        "records": [_hexed(row) for row in records],
        "checkpoints": lines,
        "certificate": certificate.signed(SAID, KEY).decode(),
    }


def rows(url: str) -> tuple[list[Batch], list[Row]]:
    """Both tables, of either database."""
    database = Database(url)
    try:
        with database.read() as connection:
            batches = connection.execute(text("SELECT b, first, n, ts, root, prev, link FROM audit_batch ORDER BY b"))
            records = connection.execute(text("SELECT seq, batch, salt, payload, leaf FROM audit_record ORDER BY seq"))
            return [_plain(row) for row in batches], [_plain(row) for row in records]
    finally:
        database.dispose()


def _plain(row: Any) -> Any:
    return tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row)


def _hexed(row: Any) -> list[Any]:
    return [cell.hex() if isinstance(cell, bytes) else cell for cell in row]


def _raw(row: list[Any]) -> Any:
    return tuple(bytes.fromhex(cell) if isinstance(cell, str) else cell for cell in row)


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return dict(json.loads(VECTORS.read_text("utf-8")))


@pytest.fixture
def table(vectors: dict[str, Any]) -> tuple[list[Batch], list[Row]]:
    return [_raw(row) for row in vectors["batches"]], [_raw(row) for row in vectors["records"]]


def test_our_code_still_makes_the_vectors(url: str, vectors: dict[str, Any]) -> None:
    assert made(url) == vectors


def test_the_second_reader_proves_the_record_of_the_vectors(table: tuple[list[Batch], list[Row]]) -> None:
    heads = independent.prove(table[0], iter(table[1]))
    assert [(b, records) for b, records, _ in heads] == [(0, 0), (1, 3), (2, 4), (3, 6)]


def test_its_heads_are_those_of_the_checkpoints(vectors: dict[str, Any], table: tuple[list[Batch], list[Row]]) -> None:
    said = [independent.checkpoint(line, KEYS) for line in vectors["checkpoints"]]
    assert said == independent.prove(table[0], iter(table[1]))[1:]


def test_it_proves_the_certificate_of_the_vectors(vectors: dict[str, Any]) -> None:
    assert independent.certificate(vectors["certificate"], KEYS) == [certificate.FIRST, *SAID]


def changed(table: tuple[list[Batch], list[Row]]) -> Iterator[tuple[str, list[Batch], list[Row]]]:
    """What somebody might do to the record, without hashing all of it anew."""
    batches, records = table
    seq, batch, salt, payload, leaf = records[3]
    assert salt is not None and payload is not None
    edited = payload.replace(b"sftp", b"ftps")
    yield "edited", batches, [*records[:3], (seq, batch, salt, edited, leaf), *records[4:]]
    fitted = (seq, batch, salt, edited, independent.leaf(seq, salt, edited))
    yield "edited, the leaf made to fit", batches, [*records[:3], fitted, *records[4:]]
    yield "emptied early", batches, [*records[:5], (*records[5][:2], None, None, records[5][4])]
    yield "deleted", batches, [*records[:3], *records[4:]]
    yield "exchanged", batches, [records[1], records[0], *records[2:]]
    yield "put in between", batches, [*records[:3], records[2], *records[3:]]
    yield "added", batches, [*records, (7, 4, salt, payload, leaf)]
    yield "a batch deleted", [batches[0], batches[2]], [*records[:3], *records[4:]]
    yield "sealed at another time", [batches[0], (*batches[1][:3], 0, *batches[1][4:]), batches[2]], records


def test_it_finds_whatever_was_changed(table: tuple[list[Batch], list[Row]]) -> None:
    missed = []
    for what, batches, records in changed(table):
        try:
            independent.prove(batches, iter(records))
        except Broken:
            continue
        missed.append(what)
    assert missed == []


def test_a_tail_that_was_cut_off_lacks_the_head_of_a_checkpoint(vectors: dict[str, Any], url: str) -> None:
    chain = Chain(url, FakeClock(), lambda size: bytes(range(size)))
    chain.append([encode(event) for event in BATCHES[0]])
    chain.forget()
    batches, records = rows(url)
    heads = independent.prove(batches, iter(records))
    assert independent.checkpoint(vectors["checkpoints"][0], KEYS) in heads
    assert independent.checkpoint(vectors["checkpoints"][2], KEYS) not in heads


@pytest.mark.parametrize("what", ["checkpoint", "certificate"])
def test_no_byte_of_what_is_signed_can_be_changed(vectors: dict[str, Any], what: str) -> None:
    said = vectors["checkpoints"][0] if what == "checkpoint" else vectors["certificate"]
    held = []
    for place, letter in enumerate(said):
        other = said[:place] + chr(ord(letter) ^ 1) + said[place + 1 :]
        try:
            getattr(independent, what)(other, KEYS)
        except (Broken, ValueError):
            continue
        held.append(place)
    assert held == []


def test_it_proves_a_record_of_ours_on_either_database(url: str) -> None:
    clock = FakeClock()
    chain = Chain(url, clock, bytes)
    heads = [chain.append([encode(an_event(actor=n)) for n in range(size)]) for size in (1, 2, 3, 7, 8, 33)]
    chain.forget()
    batches, records = rows(url)
    proved = independent.prove(batches, iter(records))
    assert [Head(*head) for head in proved[1:]] == heads
