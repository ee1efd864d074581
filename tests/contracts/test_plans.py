"""A listing's cost does not grow with the catalogue: one query of index ranges, by the planners' own word."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from auth.principal import Principal
from config.database import Database
from gateway.catalogue import Catalogue, Folder
from gateway.models import Audience, Batch, Delivery, Document, StoredObject
from gateway.vault.models import Kek, KekState, Purpose
from policy.access import SchoolScope, Scope
from policy.holdings import scope_for
from policy.models import School
from policy.months import Month
from tests.support.postgres import PostgresServer
from tests.support.world import HERE, OFFICER, World, a_world, names, path, statements

SCHOOLS = 30
DOCUMENTS = 400  # of each school, a quarter of them restricted
BIG = ("delivery", "document", "object", "audience")
SEND = "/Derbyshire Documents/2026-11 November/SEND"


@pytest.fixture(scope="module")
def full(server: PostgresServer | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A home with 12,000 deliveries of 30 schools over four months, half of them past their last day."""
    with a_world(tmp_path_factory.mktemp("full"), server) as world:
        world.school(HERE, "Alder Primary")
        world.person("h.head", {HERE: ()}, "Headteacher")
        world.person("o.office", {HERE: ["General", "SEND"]})
        world.publish("letter.pdf", HERE, "SEND")
        with world.database.write() as connection:
            _fill(connection, world)
            connection.execute(text("ANALYZE"))
        yield world


def _fill(connection: Connection, world: World) -> None:
    chance, now = random.Random(2026), world.clock.now()
    others = [
        {"dfe": f"831-{n:04}", "name": f"School {n}", "state": "active", "created_at": now} for n in range(1, SCHOOLS)
    ]
    connection.execute(insert(School), others)
    schools = list(connection.execute(text("SELECT id FROM school")).scalars())
    batch = connection.execute(
        insert(Batch).values(account_id=world.accounts[OFFICER], published_at=now, note="").returning(Batch.id)
    ).scalar_one()
    key = chance.randbytes(16)
    connection.execute(
        insert(Kek).values(id=key, day=now.date(), purpose=Purpose.PUBLISH, state=KekState.ACTIVE, generation=1)
    )
    objects, documents, deliveries, audiences = [], [], [], []
    for number in range(1000, 1000 + SCHOOLS * DOCUMENTS):
        published = now - timedelta(days=chance.randrange(120), seconds=number)
        category, restricted = chance.choice(list(world.categories.values())), number % 4 == 0
        days = {"published_at": published, "visible_until": published + timedelta(days=60)}
        one = {"object_id": chance.randbytes(16), "category_id": category, "restricted": restricted} | days
        objects.append(
            {"id": one["object_id"], "kek_id": key, "category_id": category, "wrap": b"w", "length": 1}
            | {"segment_size": 1, "ciphertext_sha256": b"", "commitment": b"", "created_at": published}
        )
        documents.append(
            {"id": number, "reference": f"D-{number}", "batch_id": batch, "last_day": published.date()}
            | {"destroy_day": published.date(), "not_headteacher": False, "not_headteacher_reason": ""}
            | one
        )
        deliveries.append(
            {"id": chance.randbytes(16), "document_id": number, "school_id": schools[number % SCHOOLS], "kek_id": key}
            | {"month": Month.of(published.date()).key, "name_sealed": b"n" * 40, "token": chance.randbytes(16)}
            | {"size": 1, "not_headteacher": False}
            | one
        )
        if restricted:
            audiences.append({"document_id": number, "role": chance.choice(["SENCO", "Office", "Governor"])})
    for table, rows in ((StoredObject, objects), (Document, documents), (Delivery, deliveries), (Audience, audiences)):
        connection.execute(insert(table), rows)


def _held(world: World, principal: Principal) -> tuple[Scope, SchoolScope]:
    with world.database.read() as connection:
        scope = scope_for(connection, principal, world.clock.now())
    [school] = scope.schools.values()
    return scope, school


def _folder(world: World) -> Folder:
    return Folder(world.schools[HERE], Month(2026, 11), world.categories["SEND"])


ASKED: dict[str, Callable[[World, Connection, Scope, SchoolScope], object]] = {
    "listing": lambda w, c, scope, school: Catalogue(w.services.vault).listing(
        c, _folder(w), scope, school, w.clock.now()
    ),
    "newest": lambda w, c, scope, school: Catalogue(w.services.vault).newest(c, scope, [school], w.clock.now()),
    "usage": lambda w, c, scope, school: Catalogue(w.services.vault).usage(c, scope, school, w.clock.now()),
    "find": lambda w, c, scope, school: Catalogue(w.services.vault).find(c, _folder(w), "letter.pdf"),
}


@pytest.mark.parametrize("username", ["h.head", "o.office"])
@pytest.mark.parametrize("asked", ASKED)
def test_only_ranges_of_indexes_are_read(full: World, asked: str, username: str) -> None:
    scope, school = _held(full, full.principal(username))
    with full.database.read() as connection, statements(full.database) as seen:
        ASKED[asked](full, connection, scope, school)
    assert seen
    for statement, parameters in seen:
        scanned = _scanned(full.database, statement, parameters)
        assert not set(scanned) & set(BIG), f"{asked} reads all of {scanned}: {statement}"


@pytest.mark.parametrize("username", ["h.head", "o.office"])
@pytest.mark.parametrize("place", ["/", "/Derbyshire Documents", "/Derbyshire Documents/2026-11 November", SEND])
def test_a_listing_is_one_query(full: World, place: str, username: str) -> None:
    fs = full.fs(username)
    fs.stat(path("/"))
    with statements(full.database) as seen:
        names(fs, place)
    assert len(seen) == 1, seen


def test_many_schools_are_one_query_as_well(full: World) -> None:
    dfes = [HERE]
    for number in range(1, 8):
        dfes.append(f"832-{number:04}")
        full.school(dfes[-1])
    full.service("trust", "h.head", {dfe: ["SEND", "General"] for dfe in dfes})
    fs = full.fs("trust")
    fs.stat(path("/"))
    with statements(full.database) as seen:
        assert len(names(fs, "/")) == 8
    assert len(seen) == 1
    assert not set(_scanned(full.database, *seen[0])) & set(BIG)


def test_a_read_of_an_open_document_asks_the_database_nothing(full: World) -> None:
    with full.fs("h.head").open(path(f"{SEND}/letter.pdf")) as handle, statements(full.database) as seen:
        for _ in range(100):
            assert handle.pread(0, 10)
    assert seen == []


def _scanned(database: Database, statement: str, parameters: Any) -> list[str]:
    """The tables that the planner means to read from end to end."""
    with database.read() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            return [row.detail.split()[1] for row in rows if row.detail.startswith("SCAN ")]
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return list(_sequential(json.loads(plan) if isinstance(plan, str) else plan))


def _sequential(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _sequential(part)
    elif isinstance(node, dict):
        if node.get("Node Type", "").endswith("Seq Scan"):
            yield node["Relation Name"]
        for part in node.values():
            yield from _sequential(part)
